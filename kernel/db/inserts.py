"""Inserts of many rows whose statement depends on the model alone.

Django writes a placeholder a value, or looks at every value of an array to choose how to write it:
for the rows of a batch that takes longer than everything else which happens to them.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connections, models, router
from django.db.models.expressions import DatabaseDefault

from kernel.db.arrays import array_of
from kernel.db.fields import IdentityField


class _Insert(NamedTuple):
    statement: str
    values: tuple[Callable[[models.Model], Any], ...]


def insert_all(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model in their order, by one statement.

    What the database writes itself (identity columns, and those with a `db_default` that nobody has
    set) it does, and the instances do not learn of it. No column may be an array or bytes. Raises
    ValueError where some rows set such a column and others leave it, and what `bulk_create` raises.
    """
    if not rows:
        return
    model = type(rows[0])
    left = _left_to_database(rows[0])
    if any(_left_to_database(row) != left for row in rows):
        raise ValueError(f"rows of {model.__name__} differ in what the database writes")
    connection = connections[router.db_for_write(model)]
    insert = _insert_of(model, left, connection.alias)
    with connection.cursor() as cursor:
        cursor.execute(
            insert.statement, [array_of([value(row) for row in rows]) for value in insert.values]
        )
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def _left_to_database(row: models.Model) -> tuple[str, ...]:
    return tuple(
        [
            name
            for name in _with_database_default(type(row))
            if isinstance(getattr(row, name), DatabaseDefault)
        ]
    )


@lru_cache(maxsize=64)
def _with_database_default(model: type[models.Model]) -> tuple[str, ...]:
    return tuple([field.attname for field in model._meta.fields if field.has_db_default()])


@lru_cache(maxsize=64)
def _insert_of(model: type[models.Model], left: tuple[str, ...], alias: str) -> _Insert:
    connection = connections[alias]
    fields = [
        field
        for field in model._meta.concrete_fields
        if not isinstance(field, IdentityField) and field.attname not in left
    ]
    quote = connection.ops.quote_name
    columns = ", ".join([quote(str(field.column)) for field in fields])
    # Without their lengths: a cast would shorten what is too long, and a column refuses it.
    types = [str(field.db_type(connection)).partition("(")[0] for field in fields]
    arrays = ", ".join([f"%s::{type_}[]" for type_ in types])
    return _Insert(
        f"INSERT INTO {quote(model._meta.db_table)} ({columns})"  # noqa: S608  (of the model)
        f" SELECT {columns} FROM unnest({arrays}) WITH ORDINALITY"
        f" AS row ({columns}, ordinality) ORDER BY ordinality",
        tuple([_value_of(field) for field in fields]),
    )


def _value_of(field: Any) -> Callable[[models.Model], Any]:
    """Return what reads the value of a column from an instance."""

    def value(row: models.Model) -> Any:
        return field.pre_save(row, True)

    def text(row: models.Model) -> str | None:
        found = value(row)
        return None if found is None else encode(found)

    if not isinstance(field, models.JSONField):
        return value
    encode = (field.encoder or json.JSONEncoder)().encode
    return text
