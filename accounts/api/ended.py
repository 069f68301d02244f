"""What the login API says to a login that ended while it was being answered."""

from collections.abc import Callable

from allauth.headless.base.response import UnauthorizedResponse
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse


class EndedLogins:
    """Answer 401 where the session can't be saved: locked out, or logged out at the same moment.

    Django's own middleware does so for the pages of staff (400), not where allauth saves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, UpdateError) and request.path.startswith("/_allauth/"):
            logout(request)  # allauth has left person and session on the request
            return UnauthorizedResponse(request)
        return None
