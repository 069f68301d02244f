"""Filters of the admin's lists: no secrets, and no error 500 for odd values."""

from typing import TYPE_CHECKING, Any

from django.contrib.admin import ModelAdmin
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import DataError
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

# Shown on no screen; a filter in an address (`?session_key__startswith=a`) would spell them out.
SECRET_FIELDS = frozenset(
    {"draw_seed", "former_secret", "password", "secret", "session_data", "session_key", "sid"}
)


if TYPE_CHECKING:  # generic for the type checker only
    _ModelAdmin = ModelAdmin[Any]
else:
    _ModelAdmin = object


class CarefulLookups(_ModelAdmin):
    """Refuses filters by secrets, and values that no column can hold.

    A mixin in front of `ModelAdmin`, which would allow the one and fail with 500 at the others.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        if not SECRET_FIELDS.isdisjoint(lookup.split(LOOKUP_SEP)):
            return False
        return super().lookup_allowed(lookup, value, request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        try:
            return super().get_changelist_instance(request)
        except (DataError, OverflowError, ValueError) as error:  # NUL, the year -1
            raise IncorrectLookupParameters from error

    def get_object(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        if "\0" in object_id:
            return None
        return super().get_object(request, object_id, *args, **kwargs)
