"""Many keys and rows as parameters of one statement.

The driver looks at every element of a list to choose how to write it, which takes longer than the
rest of a short statement. The text of an array takes a join; the statement says its type.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID


def array_of(values: Iterable[UUID | datetime | int | str | None]) -> str:
    """Return the values as PostgreSQL writes an array, to be cast: `%s::uuid[]`; None is NULL."""
    return "{" + ",".join([_element(value) for value in values]) + "}"


def one_of(keys: Collection[UUID]) -> tuple[str, str]:
    """Return a condition on a column of keys, and its parameter: `= %s`, or one of several.

    PostgreSQL knows that one key means at most one row, and plans what it joins in less time.
    """
    if len(keys) == 1:
        [key] = keys
        return "= %s::uuid", str(key)
    return "= ANY(%s::uuid[])", array_of(keys)


def rows_of(types: Sequence[str], rows: Sequence[Sequence[object]]) -> tuple[str, list[Any]]:
    """Return rows as VALUES of these types, and their parameters.

    A single row is planned like constants, where an array would be a table to join.
    """
    row = "(" + ", ".join([f"(%s)::{name}" for name in types]) + ")"
    return "VALUES " + ", ".join([row] * len(rows)), [value for row in rows for value in row]


def _element(value: UUID | datetime | int | str | None) -> str:
    if value is None:
        return "NULL"
    text = str(value)
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
