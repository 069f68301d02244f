"""Middleware around every request: correlation, hosts, exact paths, private responses."""

import time
from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from kernel.caller import is_personal
from kernel.http.problem import code_of, refused
from kernel.telemetry import context, failed_responses, tracing
from kernel.telemetry.access_log import RequestOutcome, log_access


class CorrelationMiddleware:
    """Accept or make `X-Request-ID`, return it, and write one access log line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        arrival = tracing.arrived_in(request.META)
        correlation = arrival.correlation
        started = time.perf_counter()
        with context.correlated(correlation), context.annotated() as annotations:
            response = self.get_response(request)
            outcome = RequestOutcome(
                code=code_of(response), user_id=_user_id(request), **annotations
            )
            log_access(str(request.method), request.path, response.status_code, started, outcome)
            if response.status_code >= 500 and not is_probe(request):
                failed_responses.count(response.status_code)
            if arrival.parent:
                tracing.responded(
                    arrival,
                    request_id=correlation.request_id,
                    method=str(request.method),
                    route=_route(request),
                    status=response.status_code,
                    code=outcome.code,
                    ended=time.time(),
                    seconds=time.perf_counter() - started,
                )
        response["X-Request-ID"] = correlation.request_id
        return response


def _route(request: HttpRequest) -> str:
    """Return the name of the view that was found, never the address: it may say too much."""
    match = request.resolver_match
    return (match.view_name or match.route) if match else ""


def _user_id(request: HttpRequest) -> str:
    """Return the user's id if it is already known: finding out could cost a query."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject):
        user = request.__dict__.get("_cached_user")
    return str(getattr(user, "pk", None) or "")


class KnownHostsMiddleware:
    """Refuse requests for a host that isn't ours: one access line, no trace, a problem document.

    Note [Probes by address]
    Load balancers, orchestrators and scrapers name a machine by its IP address and cannot be given
    another name. Their URLs do not depend on the host, so there every host is right.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_probe(request):
            try:
                request.get_host()
            except DisallowedHost:
                with translation.override(translation.get_language_from_request(request)):
                    return refused(request, "malformed_request")
        return self.get_response(request)


def is_probe(request: HttpRequest) -> bool:
    """Say whether the request is of those that Note [Probes by address] is about."""
    return request.path == "/metrics" or request.path.startswith("/healthz/")


class ExactPathMiddleware(CommonMiddleware):
    """Django's CommonMiddleware, but the API returns 404 where a slash is missing.

    The redirect would be HTML, and clients follow it with a GET whatever they had sent.
    """

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        return None if is_probe(request) else super().process_request(request)

    def should_redirect_with_slash(self, request: HttpRequest) -> bool:
        return not request.path.startswith("/api/v1/") and super().should_redirect_with_slash(
            request
        )


class PrivateResponseMiddleware:
    """Keep responses that are one caller's out of every shared cache."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if is_personal(request.META) and request.path.startswith("/api/"):
            response["Cache-Control"] = "private, no-store"
        return response
