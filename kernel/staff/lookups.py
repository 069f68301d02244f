"""What staff may ask a list of rows for by its address."""

from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.db import DataError
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest

# Shown on no screen; a filter in an address (`?session_key__startswith=a`) would spell them out.
SECRET_FIELDS = frozenset({"draw_seed", "password", "session_data", "session_key", "sid"})


class CarefulLookups:
    """Refuses filters by secrets, and takes values that no column can hold for wrong ones.

    A mixin in front of `ModelAdmin`, which would show the one and answer 500 to the others.
    """

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        if not SECRET_FIELDS.isdisjoint(lookup.split(LOOKUP_SEP)):
            return False
        return bool(super().lookup_allowed(lookup, value, request))  # type: ignore[misc]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        try:
            return super().get_changelist_instance(request)  # type: ignore[misc]
        except (DataError, OverflowError, ValueError) as error:  # NUL, the year -1
            raise IncorrectLookupParameters from error

    def get_object(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        if "\0" in object_id:
            return None
        return super().get_object(request, object_id, *args, **kwargs)  # type: ignore[misc]
