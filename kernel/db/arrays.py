"""Many keys and rows as parameters of one statement.

The driver looks at every element of a list to choose how to write it, which takes longer than the
rest of a short statement. The text of an array takes a join; the statement says its type.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID


def array_of(values: Iterable[object]) -> str:
    """Return the values as PostgreSQL writes an array, to be cast: `%s::uuid[]`; None is NULL.

    Their texts must be what PostgreSQL reads: those of UUIDs, datetimes, numbers, texts, booleans.
    """
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
    """Return a query of rows of these types, and its parameters.

    A single row is planned like constants, where an array would be a table to join. Of several each
    column is an array: as many placeholders as columns, however many rows.
    """
    if len(rows) == 1:
        return "VALUES (" + ", ".join([f"(%s)::{name}" for name in types]) + ")", list(rows[0])
    # Read as texts: an array of arrays would lose where each of them ends.
    names = [f"c{number}" for number in range(len(types))]
    cast = ", ".join([f"{name}::{type_}" for name, type_ in zip(names, types, strict=True)])
    columns = ", ".join(["%s::text[]"] * len(types))
    return (
        f"SELECT {cast} FROM unnest({columns}) AS r ({', '.join(names)})",  # noqa: S608  (of types)
        [array_of(column) for column in zip(*rows, strict=True)],
    )


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    text = str(value)
    if '"' in text or "\\" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
