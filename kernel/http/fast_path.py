"""The fast path: responses sent in front of Django, equal to Django's.

Note [Fast path]
The busiest routes spend most of their time in middleware that has nothing to add to them. A fast
path responds to those requests itself, before Django sees them, and passes on every request that is
in any way unusual: `FastPathResponder.is_eligible` knows what is usual. The envelope here (headers,
request id, language, access log, django-prometheus' counters) is what settings.MIDDLEWARE would
have added; a differential test holds the two equal. A fast path also stands for its view's
permissions and throttle: `kernel.http.stands_for` checks at boot that the view declares those.
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, Protocol

from django.conf import settings
from django.core.handlers.wsgi import get_path_info
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.utils import translation
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.views import APIView

from kernel.caller import is_personal
from kernel.http import exception_handler, problem
from kernel.http.header_authentication import HeaderAuthentication
from kernel.rate_limiting.headers import limit_headers
from kernel.telemetry import context, tracing
from kernel.telemetry.access_log import NO_OUTCOME, LoggedResponse, RequestOutcome, record_response

JSON = "application/json"
PRIVATE = ("Cache-Control", "private, no-store")
CLIENT_LEFT = 499  # the status, never sent, of a request whose client left before its response

# What clients that want JSON send; DRF negotiates anything else.
ACCEPTED = {None, "", "*/*", "application/json", "application/json, text/plain, */*"}
# Each of these changes what Django would do.
_UNUSUAL = frozenset(
    f"HTTP_{name}"
    for name in ("COOKIE", "X_REQUESTED_WITH", "X_FORWARDED_HOST", "TRANSFER_ENCODING", "EXPECT")
)
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_LENGTH = re.compile(r"[0-9]{0,9}")

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class StartResponse(Protocol):
    """PEP 3333's `start_response`."""

    def __call__(self, status: str, headers: list[tuple[str, str]], /) -> Any: ...


@dataclass(slots=True)
class RawResponse:
    """A finished response; `headers` are those that a view would have set."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)
    code: str = ""  # of a problem document


class FastPathResponder:
    """The envelope of fast-path responses, read once from the settings."""

    def __init__(self) -> None:
        self._redirects = settings.SECURE_SSL_REDIRECT
        self._secure_header = settings.SECURE_PROXY_SSL_HEADER
        self._debug = settings.DEBUG or bool(settings.DISALLOWED_USER_AGENTS)
        self._always = _security_headers()
        self._transport_security = _transport_security()

    def is_eligible(self, environ: dict[str, Any]) -> bool:
        """Say whether the request is one that Django's middleware would pass on untouched."""
        get = environ.get
        return (
            not self._debug
            and not get("SCRIPT_NAME")
            and not get("QUERY_STRING")
            and get("HTTP_ACCEPT") in ACCEPTED
            and _UNUSUAL.isdisjoint(environ)
            and _LENGTH.fullmatch(get("CONTENT_LENGTH") or "") is not None
            and _host_allowed(get("HTTP_HOST", ""), tuple(settings.ALLOWED_HOSTS))
            and not (self._redirects and not self.is_secure(environ))
        )

    def is_secure(self, environ: dict[str, Any]) -> bool:
        """Say whether the caller came by https, as HttpRequest.is_secure does."""
        if self._secure_header:
            name, wanted = self._secure_header
            value = environ.get(name)
            if value is not None:
                return bool(value.split(",", 1)[0].strip() == wanted)
        return environ.get("wsgi.url_scheme") == "https"

    def send(
        self,
        response: RawResponse,
        environ: dict[str, Any],
        start_response: StartResponse,
        *,
        view: str,
        request_id: str,
        started: float,
        outcome: RequestOutcome = NO_OUTCOME,
    ) -> list[bytes]:
        """Log, count and send a response of the view named `view`."""
        self.record(
            response, environ, view=view, request_id=request_id, started=started, outcome=outcome
        )
        headers = [*response.headers, *own_headers(response, request_id), *self.envelope(environ)]
        start_response(_STATUS_LINES[response.status], headers)
        return [response.body]

    def envelope(self, environ: dict[str, Any]) -> list[tuple[str, str]]:
        """Return the headers that all responses to requests with such headers have."""
        headers = [
            ("Vary", "Accept-Language"),
            ("Content-Language", language(environ)),
            *self._always,
        ]
        if self._transport_security and self.is_secure(environ):
            headers.append(("Strict-Transport-Security", self._transport_security))
        return headers

    def record(
        self,
        response: RawResponse,
        environ: dict[str, Any],
        *,
        view: str,
        request_id: str,
        started: float,
        outcome: RequestOutcome = NO_OUTCOME,
    ) -> None:
        """Log and count a response of the view named `view`.

        `started` is when the request came in, by `time.perf_counter`.
        """
        record_response(
            LoggedResponse(
                at=time.time(),
                request_id=request_id,
                method=environ["REQUEST_METHOD"],
                path=environ["PATH_INFO"],
                view=view,
                transport="https" if self.is_secure(environ) else "http",
                status=response.status,
                seconds=time.perf_counter() - started,
                received=int(environ.get("CONTENT_LENGTH") or 0),
                sent=len(response.body),
                outcome=outcome._replace(code=response.code) if response.code else outcome,
                traceparent=environ.get("HTTP_TRACEPARENT", ""),
                arrival=tracing.arrived_in(environ) if tracing.is_on() else None,
            )
        )

    def refuse(
        self,
        error: APIException,
        environ: dict[str, Any],
        start_response: StartResponse,
        *,
        view: str,
        started: float,
        headers: Iterable[tuple[str, str]] = (),
    ) -> list[bytes]:
        """Send the refusal `error`, with the `headers` that the view would have set."""
        response = refusal(error, environ)
        assert response is not None  # only a defect has none
        response.headers.extend(headers)
        request_id = context.received_in(environ).request_id
        return self.send(
            response, environ, start_response, view=view, request_id=request_id, started=started
        )


def own_headers(response: RawResponse, request_id: str) -> list[tuple[str, str]]:
    """Return the headers of the envelope that each response has of its own."""
    return [("Content-Length", str(len(response.body))), ("X-Request-ID", request_id)]


def refusal(
    error: Exception, environ: dict[str, Any], fields: tuple[str, str] | None = None
) -> RawResponse | None:
    """Return the response to a refused request; None for a defect.

    `fields` say how far the caller's limit is, where it is known (`limit_headers`).
    """
    return refusal_in(
        language(environ),
        error,
        path=get_path_info(environ),
        is_personal=is_personal(environ),
        fields=fields,
    )


def refusal_in(
    spoken: str,
    error: Exception,
    *,
    path: str,
    is_personal: bool,
    fields: tuple[str, str] | None = None,
) -> RawResponse | None:
    """Return what `refusal` does, in the language `spoken`, of a call to `path`.

    `is_personal`: the response is one caller's (`kernel.caller.is_personal`).
    """
    with translation.override(spoken):
        refused = exception_handler.refused_by(error, SimpleNamespace(path=path))
    if refused is None:
        return None
    headers = [("Content-Type", problem.CONTENT_TYPE), *refused.headers.items()]
    if is_personal:
        headers += [PRIVATE, *limit_headers(fields)]
    body = refused.body
    return RawResponse(body["status"], problem.encoded(body), headers, body["code"])


def allow_header(view: type[APIView]) -> tuple[str, str]:
    """Return the Allow header that DRF puts on every response of a view."""
    has = {name for name in view.http_method_names if hasattr(view, name)}
    if "get" in has:
        has.add("head")  # as View.setup does
    return ("Allow", ", ".join(name.upper() for name in view.http_method_names if name in has))


def bare_view(view_class: type[APIView], method: str) -> APIView:
    """Return a view as DRF has it before it looks at a request by `method` without a login."""
    request = HttpRequest()
    request.method = method
    view = view_class()
    view.request = Request(request)
    return view


def proofs_beside_login(view: APIView) -> tuple[type[HeaderAuthentication], ...] | None:
    """Return what a view takes where no login is sent (Note [Shown instead of a login]).

    None where it does not authenticate as the site does first, or then by yet other means.
    """
    site, found = list(APIView.authentication_classes), view.get_authenticators()
    proofs = [type(one) for one in found[len(site) :] if isinstance(one, HeaderAuthentication)]
    return tuple(proofs) if [type(one) for one in found] == [*site, *proofs] else None


def language(environ: dict[str, Any]) -> str:
    """Return the language LocaleMiddleware would choose for a request without cookies."""
    return _language(environ.get("HTTP_ACCEPT_LANGUAGE", ""))


@lru_cache(maxsize=256)
def _language(accepted: str) -> str:
    request = HttpRequest()
    request.META["HTTP_ACCEPT_LANGUAGE"] = accepted
    return translation.get_language_from_request(request)


@lru_cache(maxsize=64)
def _host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, list(allowed))


def _security_headers() -> list[tuple[str, str]]:
    """Return what SecurityMiddleware and XFrameOptionsMiddleware add to every response."""
    headers = [("X-Frame-Options", str(settings.X_FRAME_OPTIONS).upper())]
    if settings.SECURE_CONTENT_TYPE_NOSNIFF:
        headers.append(("X-Content-Type-Options", "nosniff"))
    policy = settings.SECURE_REFERRER_POLICY
    if policy:
        words = policy.split(",") if isinstance(policy, str) else policy
        headers.append(("Referrer-Policy", ",".join(word.strip() for word in words)))
    if settings.SECURE_CROSS_ORIGIN_OPENER_POLICY:
        headers.append(("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY))
    return headers


def _transport_security() -> str:
    if not settings.SECURE_HSTS_SECONDS:
        return ""
    words = [f"max-age={settings.SECURE_HSTS_SECONDS}"]
    words += ["includeSubDomains"] if settings.SECURE_HSTS_INCLUDE_SUBDOMAINS else []
    words += ["preload"] if settings.SECURE_HSTS_PRELOAD else []
    return "; ".join(words)
