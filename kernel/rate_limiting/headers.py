"""The RateLimit headers of a response (draft-ietf-httpapi-ratelimit-headers)."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from kernel.caller import is_personal

# In a request's META: the fields of the caller's limit, or a `RateLimitStatus` that will have them.
RATE_LIMIT = "frontrow.rate_limit"


@dataclass(slots=True)
class RateLimitStatus:
    """How far the caller's limit is; a use case fills it in, the response's headers show it."""

    fields: tuple[str, str] | None = None


def rate_limit_fields(
    name: str, *, amount: int, window: int, remaining: int, reset: int
) -> tuple[str, str]:
    """Return the values of RateLimit-Policy and RateLimit; `window` and `reset` in seconds."""
    return f'"{name}";q={amount};w={window}', f'"{name}";r={max(0, remaining)};t={reset}'


def limit_headers(fields: tuple[str, str] | None) -> list[tuple[str, str]]:
    """Return the headers that say how far the caller's limit is; none where it is not known."""
    return [] if fields is None else [("RateLimit-Policy", fields[0]), ("RateLimit", fields[1])]


class RateLimitHeadersMiddleware:
    """Show the caller how far the limit is.

    Only in responses that no shared cache keeps: refusals, and those that are one caller's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        fields = request.META.get(RATE_LIMIT)
        if isinstance(fields, RateLimitStatus):
            fields = fields.fields
        if response.status_code == 429 or is_personal(request.META):
            for name, value in limit_headers(fields):
                response[name] = value
        return response
