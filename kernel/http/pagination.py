"""Cursor pagination: stable under inserts, the same cost on every page."""

from typing import Any
from uuid import UUID

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination

from kernel.i18n import text

_NO_SIZE = text(en="Give a whole number from 1 to 100.", ko="1부터 100까지의 정수를 입력해 주세요.")


class NewestFirst(CursorPagination):
    """Order by the UUIDv7 key, newest first; `?page_size=` up to 100."""

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering = "-id"

    def get_page_size(self, request: Any) -> int:
        """Return the requested page size; 400 for anything but a size."""
        wanted = request.query_params.get(self.page_size_query_param, str(self.page_size))
        size = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10 else 0
        if not 1 <= size <= self.max_page_size:
            raise ValidationError({self.page_size_query_param: [str(_NO_SIZE)]})
        return size

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Describe the parameters with their bounds."""
        parameters: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for parameter in parameters:
            if parameter["name"] == self.page_size_query_param:
                parameter["schema"] |= {"minimum": 1, "maximum": self.max_page_size}
        return parameters

    def decode_cursor(self, request: Any) -> Any:
        """Refuse a cursor that was not ours: its position goes into the query."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is not None:
            try:
                UUID(str(cursor.position))
            except ValueError:
                raise NotFound(self.invalid_cursor_message) from None
        return cursor
