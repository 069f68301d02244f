"""Joins, holds and payments take much longer."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_SECONDS = 0.25  # far more than twice what they take


class FaultMiddleware:
    """Stands next to the views, as a mistake in one would."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST" and request.path.startswith("/api/"):
            time.sleep(_SECONDS)
        return self.get_response(request)
