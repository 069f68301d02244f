"""Paging of a person's own lists, as the API pages them."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from kernel.http.pagination import NewestFirst
from storefront.private import Visit


@dataclass(frozen=True, slots=True)
class ListPage:
    """Rows, and the addresses of the pages beside."""

    rows: list[Any]
    following: str | None
    preceding: str | None


def page_of(visit: Visit, rows: "QuerySet[Any]") -> ListPage:
    """Return the page that the address names, newest first; raises NotFound for a forged one."""
    pages = NewestFirst()
    found = pages.paginate_queryset(rows, Request(visit.request), view=None)
    pages.base_url = visit.request.path
    return ListPage(list(found or []), pages.get_next_link(), pages.get_previous_link())
