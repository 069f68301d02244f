"""The middleware for a login that ends while the login API handles its request."""

from collections.abc import Callable

from allauth.headless.base.response import UnauthorizedResponse
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from kernel.http.page_addresses import is_page


class EndedLoginMiddleware:
    """Respond with 401 where the session can't be saved: locked out, or just logged out.

    A page leads to the login. Django's own middleware does so for the staff pages (400), not where
    allauth saves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, UpdateError) and request.path.startswith("/_allauth/"):
            logout(request)  # allauth has left person and session on the request
            response: HttpResponse = UnauthorizedResponse(request)
            return response
        if isinstance(error, UpdateError) and is_page(request.path):
            logout(request)
            return redirect("account_login")
        return None
