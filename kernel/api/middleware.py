"""Middleware around every request."""

import time
from collections.abc import Callable
from datetime import UTC

from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.utils import timezone

from kernel.redis.limits import Meter
from kernel.telemetry import context
from kernel.telemetry.answers import log_access


class CorrelationMiddleware:
    """Accept or make `X-Request-ID`, return it, and write one access log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        correlation = context.received(
            request.headers.get("X-Request-ID"), request.headers.get("traceparent")
        )
        started = time.perf_counter()
        with context.correlated(correlation):
            response = self.get_response(request)
            log_access(str(request.method), request.path, response.status_code, started)
        response["X-Request-ID"] = correlation.request_id
        return response


class ExactAddresses(CommonMiddleware):
    """Django's own, but the API answers 404 where a slash is missing instead of redirecting.

    The redirect would be HTML, and clients follow it with a GET whatever they had sent.
    """

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return not request.path.startswith("/api/v1/") and super().should_redirect_with_slash(
            request
        )


class UtcAnswers:
    """Let the API speak UTC; `TIME_ZONE` is for the screens of staff."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith("/api/"):
            return self.get_response(request)
        with timezone.override(UTC):
            return self.get_response(request)


class PrivateAnswers:
    """Keep answers to a logged-in caller out of every shared cache."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if "Authorization" in request.headers and request.path.startswith("/api/"):
            response["Cache-Control"] = "private, no-store"
        return response


class RateLimitHeaders:
    """Tell a caller how far the limit is (draft-ietf-httpapi-ratelimit-headers).

    Only in answers that no shared cache keeps: refusals, and those to a logged-in caller.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        seen = getattr(request, "rate_limit", None)
        if isinstance(seen, Meter):
            seen = seen.fields
        if seen and (response.status_code == 429 or "Authorization" in request.headers):
            response["RateLimit-Policy"], response["RateLimit"] = seen
        return response
