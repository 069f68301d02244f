"""The middleware of sessions that browsers know by a cookie: staff's, and fans'.

See Note [Purposes of sessions] in sessions.py. The staff pages have a cookie and a store of their
own; so have all other pages. A fan's login opens no staff page, and the reverse.
"""

from django.conf import settings
from django.contrib.sessions import middleware
from django.http import HttpRequest, HttpResponse

from accounts.sessions import FanSessionStore
from kernel.http.page_addresses import is_page

_TOKEN = "/account/token/"  # noqa: S105  (an address)


def _is_fans(request: HttpRequest) -> bool:
    return is_page(request.path) or request.path == _TOKEN


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, with a second cookie for fans' pages, and one that scripts may read beside it."""

    def process_request(self, request: HttpRequest) -> None:
        if _is_fans(request):
            key = request.COOKIES.get(settings.FAN_SESSION_COOKIE_NAME)
            request.session = FanSessionStore(key)
        else:
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Let Django's own do its work under the cookie's name of this page.

        It knows one name; so the request shows it the fan's cookie by that name, and what it sets
        is renamed.
        """
        if not _is_fans(request):
            return super().process_response(request, response)
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
            self._say_login(request, response)
        return response

    def _say_login(self, request: HttpRequest, response: HttpResponse) -> None:
        """Set the cookie that says to scripts whether somebody is logged in."""
        name = settings.LOGIN_COOKIE_NAME
        user = request.__dict__.get("user")
        if response.cookies[settings.FAN_SESSION_COOKIE_NAME].value and (
            user is not None and user.is_authenticated
        ):
            response.set_cookie(
                name,
                "1",
                max_age=settings.LOGIN_SECONDS,
                secure=settings.SESSION_COOKIE_SECURE,
                samesite="Lax",
            )
        elif name in request.COOKIES:
            response.delete_cookie(name, samesite="Lax")
