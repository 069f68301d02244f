"""One of twenty requests takes a database connection out of the pool and never gives it back."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from psycopg_pool import PoolTimeout

_number = itertools.count(1)
_kept: list[Any] = []


class FaultMiddleware:
    """Stands next to the views, as a mistake in one would."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/") and next(_number) % 20 == 0:
            with suppress(PoolTimeout):  # all of them are gone
                _kept.append(connection.pool.getconn(timeout=0.1))  # type: ignore[attr-defined]
        return self.get_response(request)
