"""Cursor pagination of the catalogue's lists."""

from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination

from catalogue.api.parameters import ORDERINGS

# The contract's name of an order, and its column; the key breaks ties.
_COLUMNS = {"first_performance_at": "opening_performance_at", "title": "title"}


class Pages(CursorPagination):
    """`?page_size=` up to 100; a forged cursor is refused before it reaches the query."""

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"

    def check_position(self, position: str) -> None:
        """Raise `ValueError` for a position that the ordered column can't be compared with."""
        moment = parse_datetime(position)
        if moment is None or moment.tzinfo is None:
            raise ValueError(position)

    def decode_cursor(self, request: Any) -> Any:
        """Return the cursor; raises `NotFound` for a forged one."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                self.check_position(str(cursor.position))
            except ValueError:
                raise NotFound(self.invalid_cursor_message) from None
        return cursor


class ConcertPages(Pages):
    """Concerts by their first performance or title."""

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        """Return the columns of `?ordering=`, validated before."""
        wanted = request.query_params.get("ordering") or ORDERINGS[0]
        sign = "-" if wanted.startswith("-") else ""
        return (sign + _COLUMNS[wanted.removeprefix("-")], sign + "id")


class ConcertPagesByTitle(ConcertPages):
    """Concerts by title, where the cursor's position is a text."""

    def check_position(self, position: str) -> None:
        """Refuse the one character that no text column accepts."""
        if "\0" in position:
            raise ValueError(position)


class PerformancePages(Pages):
    """Performances by start."""

    ordering = ("starts_at", "id")


class SeatPages(Pages):
    """Seats in layout order, a hundred a page."""

    page_size = 100
    ordering = ("index",)

    def check_position(self, position: str) -> None:
        """Refuse a position that is no index."""
        if not 0 <= int(position) < 2**31:
            raise ValueError(position)
