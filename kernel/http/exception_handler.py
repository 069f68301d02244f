"""The exception handler: the one place where a failure becomes an HTTP status."""

import json
import logging
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from kernel.db.failures import DATABASE_ERRORS, is_busy, is_unavailable, is_unknown
from kernel.errors import Busy, CommitUncertain, DomainError, ServiceUnavailable
from kernel.http import problem
from kernel.http.refusals import REFUSALS
from kernel.redis.breaker import DependencyUnavailable
from kernel.staff import refusals

log = logging.getLogger(__name__)

# DRF's own refusals, by its code.
_CODES = {
    "parse_error": "malformed_json",
    "authentication_failed": "token_invalid",
    "throttled": "rate_limited",
    "error": "internal_error",
}


# Of one response (Note [Length before children] in kernel/http/body_limits.py): with the other
# members it stays under 8 KiB.
_MOST_ERRORS = 20
_MOST_ERROR_BYTES = 4096
_LONGEST_TEXT = 200
_as_json = json.JSONEncoder().encode  # escapes: no other form is longer


class BodyTooLarge(exceptions.APIException):
    """The body is longer than its route takes (Note [Length before children])."""

    status_code = 413
    default_code = "body_too_large"


class MalformedRequest(exceptions.APIException):
    """Django found the request suspicious."""

    status_code = 400
    default_code = "malformed_request"


class ProblemResponse(Response):
    """A problem document, rendered by DRF."""

    problem_code = ""


class Refused(NamedTuple):
    """A problem document, and the headers that go with it."""

    body: dict[str, Any]
    headers: dict[str, str]


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the problem+json response of `error`; None lets a defect become a 500."""
    refused = refused_by(error, context["request"])
    if refused is None:
        return None
    body = refused.body
    response = ProblemResponse(
        body, status=body["status"], headers=refused.headers, content_type=problem.CONTENT_TYPE
    )
    response.problem_code = body["code"]
    return response


def refused_by(error: Exception, request: Any) -> Refused | None:
    """Return what `error` says to the caller in the active language; None for a defect.

    Of the `request`, `path` is read, and who sent it where that is staff.
    """
    translated = _translate(error)
    if isinstance(translated, DomainError):
        return _of_domain_error(translated, request.path)
    if isinstance(translated, exceptions.APIException):
        if isinstance(translated, exceptions.PermissionDenied):
            refusals.record(request, code="permission_denied")
        return _of_api_exception(translated, request.path)
    return None


def server_error(request: HttpRequest) -> HttpResponse:
    """Respond to what no view has caught, also in the login API and the pages.

    A database that is busy or unavailable is 503 there too; a defect reveals nothing about itself.
    """
    error = sys.exc_info()[1]  # Django calls this view while it handles the error
    refused = refused_by(error, request) if isinstance(error, Exception) else None
    if refused is None:
        return problem.refused(request, "internal_error")
    response = problem.response(refused.body)
    for name, value in refused.headers.items():
        response.headers[name] = value
    return response


def _translate(error: Exception) -> Exception:
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    if isinstance(error, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(error, SuspiciousOperation):
        return MalformedRequest()
    if isinstance(error, DependencyUnavailable):
        log.warning("dependency unavailable", extra={"dependency": error.dependency})
        return ServiceUnavailable()
    if isinstance(error, DATABASE_ERRORS):
        if is_busy(error):
            log.warning("database busy", extra={"error": repr(error)})
            return Busy()
        if is_unknown(error):
            log.error("outcome unknown", extra={"error": repr(error)})
            return CommitUncertain()
        if is_unavailable(error):
            log.error("database unavailable", extra={"error": repr(error)})
            return ServiceUnavailable()
    return error


def _of_domain_error(error: DomainError, instance: str) -> Refused:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Refused(problem.of_domain_error(error, instance), headers)


def _of_api_exception(error: exceptions.APIException, instance: str) -> Refused:
    headers = {}
    challenge = getattr(error, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, int(wait + 0.999)))
    extras: dict[str, Any] = {}
    if isinstance(error, exceptions.ValidationError):
        code = "validation_failed"
        extras["errors"] = _first_errors(error.detail)
    else:
        raw_code = error.get_codes() if isinstance(error.detail, str) else error.default_code
        code = _CODES.get(str(raw_code), str(raw_code))
    refusal = REFUSALS.get(code)
    detail = refusal.message if refusal else error.detail
    body = problem.document(
        status=error.status_code, code=code, detail=detail, instance=instance, **extras
    )
    return Refused(body, headers)


def _first_errors(detail: Any) -> list[dict[str, str]]:
    """Return as many errors as a response may name; quotes of the body in a message are cut."""
    room = _MOST_ERROR_BYTES
    found: list[dict[str, str]] = []
    for pointer, message in islice(_pointers(detail, ""), _MOST_ERRORS):
        one = {"pointer": _cut(pointer), "detail": _cut(message)}
        room -= len(_as_json(one))
        if room < 0 and found:
            break
        found.append(one)
    return found


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _pointers(detail: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Flatten DRF's nested error detail into JSON pointers (RFC 6901)."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            step = "" if key == "non_field_errors" else f"/{_escaped(str(key))}"
            yield from _pointers(value, pointer + step)
    elif isinstance(detail, list):
        nested = any(isinstance(item, (dict, list)) for item in detail)
        for index, item in enumerate(detail):
            if not item:
                continue
            yield from _pointers(item, f"{pointer}/{index}" if nested else pointer)
    else:
        yield pointer, str(detail)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
