"""The middleware of sessions that browsers know by a cookie: staff's, and fans'.

See Note [Purposes of sessions] in sessions.py. The staff pages have a cookie and a store of their
own; so have all other pages. A fan's login opens no staff page, and the reverse.
"""

from django.conf import settings
from django.contrib.sessions import middleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.page_logins import is_fans, login_cookie
from accounts.sessions import FanSessionStore
from kernel import clock


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, with a second cookie for fans' pages, and one that scripts may read beside it."""

    def process_request(self, request: HttpRequest) -> None:
        if is_fans(request.path):
            key = request.COOKIES.get(settings.FAN_SESSION_COOKIE_NAME)
            request.session = FanSessionStore(key)
        else:
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Let Django's own do its work under the cookie's name of this page.

        It knows one name; so the request shows it the fan's cookie by that name, and what it sets
        is renamed.
        """
        if not is_fans(request.path):
            response = super().process_response(request, response)
            written = response.cookies.get(settings.SESSION_COOKIE_NAME)
            if written is not None:
                seconds = request.session.get_expiry_age() if written.value else 0
                _say_staff_login(request, response, seconds=seconds)
            return response
        theirs, ours = settings.SESSION_COOKIE_NAME, settings.FAN_SESSION_COOKIE_NAME
        sent = request.COOKIES
        request.COOKIES = {theirs: sent[ours]} if ours in sent else {}
        try:
            response = super().process_response(request, response)
        finally:
            request.COOKIES = sent
        written = response.cookies.pop(theirs, None)
        if written is not None:
            response.cookies[ours] = written.value
            response.cookies[ours].update(written)
            user = request.__dict__.get("user")
            is_login = bool(written.value) and user is not None and user.is_authenticated
            _say_login(request, response, seconds=int(written["max-age"]) if is_login else 0)
        return response


def renew(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let the cookies of a login that was just used last as long as the login does now."""
    assert request.session.session_key
    seconds = request.session.get_expiry_age()
    response.set_cookie(
        settings.FAN_SESSION_COOKIE_NAME,
        request.session.session_key,
        max_age=seconds,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    _say_login(request, response, seconds=seconds)


def _say_staff_login(request: HttpRequest, response: HttpResponse, *, seconds: int) -> None:
    user = request.__dict__.get("user")
    is_login = seconds > 0 and user is not None and user.is_authenticated
    _sign(request, response, seconds=seconds if is_login else 0, of_staff=True)


def _say_login(request: HttpRequest, response: HttpResponseBase, *, seconds: int) -> None:
    """Set the cookie that says that there is a login (Note [Login cookies]); none of 0 seconds."""
    if _sign(request, response, seconds=seconds, of_staff=False):
        # What the browser keeps for the person, such as opened tickets, ends with the login.
        response.headers["Clear-Site-Data"] = '"storage"'


def _sign(
    request: HttpRequest, response: HttpResponseBase, *, seconds: int, of_staff: bool
) -> bool:
    """Set the sign of a login, or take it back at 0 seconds; return whether it was taken back."""
    name = settings.STAFF_LOGIN_COOKIE_NAME if of_staff else settings.LOGIN_COOKIE_NAME
    if seconds > 0:
        assert request.user.is_authenticated
        response.set_cookie(
            name,
            login_cookie(request.user.pk, seconds=seconds, now=clock.now(), of_staff=of_staff),
            max_age=seconds,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=of_staff,
            samesite="Lax",
        )
        return False
    if name not in request.COOKIES:
        return False
    response.delete_cookie(name, samesite="Lax")
    return True
