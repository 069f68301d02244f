"""Cursor pagination: stable under inserts, the same cost on every page."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Order by the UUIDv7 key, newest first; `?page_size=` up to 100."""

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering = "-id"
