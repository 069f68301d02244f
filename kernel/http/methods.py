"""Method not allowed: 405 is a problem document that names the right methods."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from kernel.http import problem


def safe_only(view: Callable[..., Any]) -> Callable[..., Any]:
    """Let a view serve GET and HEAD only; a POST gets 405 as well, not 403."""
    exempt: Callable[..., Any] = csrf_exempt(require_safe(view))
    return exempt


class MethodNotAllowedMiddleware:
    """Make every 405 a problem document that names the methods.

    Django and django-allauth send an empty page, also for methods that they don't know.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if (
            response.status_code != HTTPStatus.METHOD_NOT_ALLOWED
            or response.headers.get("Content-Type") == problem.CONTENT_TYPE
        ):
            return response
        refused = problem.refused(request, "method_not_allowed")
        refused["Allow"] = response.headers.get("Allow", "GET, HEAD, OPTIONS")
        return refused
