"""Three of a hundred requests fail."""

import itertools
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_number = itertools.count(1)


class FaultMiddleware:
    """Stands next to the views, as a mistake in one would."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/") and next(_number) % 33 == 0:
            return HttpResponse(status=500)
        return self.get_response(request)
