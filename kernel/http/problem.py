"""Problem documents (RFC 9457)."""

import json
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from kernel.errors import DomainError, Kind
from kernel.http.refusals import REFUSALS
from kernel.http.rendering import Encoder
from kernel.staff import refusals

CONTENT_TYPE = "application/problem+json"
_LONGEST_INSTANCE = 500  # characters; a path may be longer, a response to it need not be
_LONGEST_CODE = 64  # characters
_LONGEST_REFUSAL = 16 * 1024  # bytes

_encode = Encoder(ensure_ascii=False, separators=(",", ":")).encode

STATUS: dict[Kind, int] = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.GONE: 410,
    Kind.UNPROCESSABLE: 422,
    Kind.TOO_MANY: 429,
    Kind.UNAVAILABLE: 503,
}


class PlainProblem(HttpResponse):
    """A problem document in a plain Django response."""

    problem_code = ""


def document(
    *, status: int, code: str, detail: object, instance: str, **extras: Any
) -> dict[str, Any]:
    """Return a problem document; `type` leads to the code's entry in docs/errors.md."""
    return {
        "type": f"/docs/errors#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(detail),
        "instance": instance[:_LONGEST_INSTANCE],
        "code": code,
        **extras,
    }


def of_domain_error(error: DomainError, instance: str) -> dict[str, Any]:
    """Return the problem document of a domain error."""
    extras = dict(error.extras)
    if error.retry_after is not None:
        extras["retry_after"] = error.retry_after
    return document(
        status=STATUS[error.kind],
        code=error.code,
        detail=error.message,
        instance=instance,
        **extras,
    )


def encoded(body: dict[str, Any]) -> bytes:
    """Return a problem document as DRF's renderer writes it."""
    # JavaScript takes these two for line ends.
    text = _encode(body).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return text.encode()


def response(body: dict[str, Any]) -> HttpResponse:
    """Return a plain Django response, for places where DRF isn't at work."""
    plain = PlainProblem(encoded(body), status=body["status"], content_type=CONTENT_TYPE)
    plain.problem_code = body["code"]
    return plain


def code_of(refusal: HttpResponseBase) -> str:
    """Return the `code` of a refusal: of a problem document, or in the login API's own shape."""
    if refusal.status_code < 400:
        return ""
    code: object = getattr(refusal, "problem_code", None)
    is_json = "json" in refusal.headers.get("Content-Type", "")
    if code is None and is_json and isinstance(refusal, HttpResponse):
        code = _code_in(refusal.content)
    return str(code or "")[:_LONGEST_CODE]


def _code_in(content: bytes) -> object:
    """Return the code of a kept response, or of django-allauth's (the first of its errors)."""
    if len(content) > _LONGEST_REFUSAL:
        return None
    try:
        body = json.loads(content)
        return body.get("code") or body["errors"][0]["code"]
    except (ValueError, TypeError, AttributeError, LookupError):
        return None


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Respond to Django's own 400 (suspicious or malformed requests, bodies that are too large)."""
    too_large = isinstance(exception, RequestDataTooBig)
    return refused(request, "body_too_large" if too_large else "malformed_request")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Respond to Django's own 403; the security log names the staff who met it."""
    refusals.record(request, code="permission_denied")
    return refused(request, "permission_denied")


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Respond to an unknown path."""
    return refused(request, "not_found")


def refused(request: HttpRequest, code: str) -> HttpResponse:
    """Return the plain response of a framework refusal."""
    refusal = REFUSALS[code]
    return response(
        document(status=refusal.status, code=code, detail=refusal.message, instance=request.path)
    )
