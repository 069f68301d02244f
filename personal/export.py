"""Everything that is kept of a person, as one JSON-ready document: Note [Complete export]."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Model, Q

from kernel import clock
from personal.kept import EXPORTED, LEFT_OUT, Kept

FORM = "frontrow.person.v1"


def export(*, user_id: UUID, now: datetime) -> dict[str, Any]:
    """Return the rows of a person by table, and why some tables are left out.

    A query a table. `kept` has every table of `EXPORTED`, with columns by their names; times are
    RFC 3339 in UTC.
    """
    return {
        "form": FORM,
        "as_of": clock.as_text(now),
        "person": str(user_id),
        "kept": {kept.model: _rows(kept, user_id) for kept in EXPORTED},
        "left_out": LEFT_OUT,
    }


def _rows(kept: Kept, user_id: UUID) -> list[dict[str, Any]]:
    model = apps.get_model(kept.model)
    theirs = Q(**{kept.by: user_id})
    if kept.or_by:
        theirs |= Q(**{kept.or_by: user_id})
    rows = model._default_manager.filter(theirs)
    return [_columns(row, kept) for row in rows.order_by("pk").distinct()]


def _columns(row: Model, kept: Kept) -> dict[str, Any]:
    columns = {
        field.attname: _plain(field.value_from_object(row))
        for field in row._meta.concrete_fields
        if field.attname not in kept.without
    }
    if kept.mixed:
        members = columns[kept.mixed]
        columns[kept.mixed] = {name: members[name] for name in kept.open if name in members}
    return columns


def _plain(value: Any) -> Any:
    """Return a column's value in JSON's words."""
    if isinstance(value, datetime):
        return clock.as_text(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | float | str | dict):
        return value
    return str(value)
