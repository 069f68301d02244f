"""The cookie and the header of device tokens (Note [Device tokens] in accounts/devices.py)."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts import devices, policy
from accounts.attempts import LoginAttempt

_TOKEN = "frontrow.device_token"  # noqa: S105  (a name; of what the response is to carry)


def token_in(request: HttpRequest) -> str:
    """Return the client's device token, from the header or else the cookie; unchecked."""
    cookie = request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")
    return request.headers.get(devices.HEADER) or cookie


def put_on_response(request: HttpRequest, attempt: LoginAttempt) -> None:
    """Let the response carry the device's token: the account was logged in to from it."""
    token = devices.remember(attempt.device, account=attempt.account)
    request.META[_TOKEN] = token


class DeviceTokenMiddleware:
    """Send a device its token where a login succeeded."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        token = request.META.get(_TOKEN)
        if token is not None:
            response[devices.HEADER] = token
            response.set_cookie(
                settings.DEVICE_COOKIE_NAME,
                token,
                max_age=policy.DEVICE_SECONDS,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response
