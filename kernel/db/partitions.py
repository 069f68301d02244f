"""Monthly range partitions on a UUIDv7 key.

A UUIDv7 begins with its time of creation, so a range of keys is a range of time and a look-up by
key prunes to one partition. There is no DEFAULT partition: a row without one is an error found by
readiness months ahead, not a table that must be split later.
"""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.operations import CreateModel
from psycopg.errors import LockNotAvailable
from psycopg.pq import TransactionStatus

from kernel.ids import first_uuid7_at

log = logging.getLogger(__name__)

MONTHS_AHEAD = 24
_LOCK_TIMEOUT = "100ms"


def first_of_month(moment: datetime, *, months_later: int = 0) -> datetime:
    """Return midnight UTC of the first day of a month counted from `moment`'s."""
    months = moment.year * 12 + moment.month - 1 + months_later
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def ensure_partitions(
    table: str,
    *,
    now: datetime,
    months_ahead: int = MONTHS_AHEAD,
    using: str = DEFAULT_DB_ALIAS,
) -> list[str]:
    """Create the partitions of `table` that are missing; return the names of the new ones.

    The month before `now` is included, for rows whose key was made by a clock slightly behind.
    Making one locks the whole table for a moment. Outside of a migration that moment isn't waited
    for, since every writer would wait behind it: where the table is in use the rest is left to the
    next call, which comes months before it is needed.
    """
    with connections[using].cursor() as cursor:
        existing = set(partitions(cursor, table))
        created = []
        for name, lower, upper in _wanted(table, now, months_ahead):
            if name in existing:
                continue
            try:
                _create(cursor, name, table, lower, upper)
            except OperationalError as error:
                if not isinstance(error.__cause__, LockNotAvailable):
                    raise
                log.warning("table in use, partitions made later", extra={"partition": name})
                break
            created.append(name)
        return created


def _create(cursor: Any, name: str, table: str, lower: Any, upper: Any) -> None:
    statement = (
        f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} "
        f"FOR VALUES FROM ('{lower}') TO ('{upper}')"
    )
    if cursor.connection.info.transaction_status == TransactionStatus.IDLE:
        # One exchange, so one transaction: the setting is gone after it.
        statement = f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'; {statement}"
    cursor.execute(statement)


def months_covered(table: str, *, now: datetime, using: str = DEFAULT_DB_ALIAS) -> int:
    """Return how many whole months from `now`'s on have a partition without a gap."""
    with connections[using].cursor() as cursor:
        existing = set(partitions(cursor, table))
    months = 0
    while _name(table, first_of_month(now, months_later=months)) in existing:
        months += 1
    return months


def _wanted(table: str, now: datetime, months_ahead: int) -> Iterator[tuple[str, Any, Any]]:
    for offset in range(-1, months_ahead + 1):
        start = first_of_month(now, months_later=offset)
        end = first_of_month(now, months_later=offset + 1)
        yield _name(table, start), first_uuid7_at(start), first_uuid7_at(end)


def _name(table: str, month: datetime) -> str:
    return f"{table}_p{month:%Y%m}"


def partitions(cursor: Any, table: str) -> list[str]:
    """Return the names of a table's partitions."""
    cursor.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(%s)",
        [table],
    )
    return [name for (name,) in cursor.fetchall()]


class CreatePartitionedModel(CreateModel):
    """`CreateModel` of a table partitioned by range of `id`, its partitions two years ahead."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        schema_editor.sql_create_table = (
            type(schema_editor).sql_create_table + " PARTITION BY RANGE (id)"
        )
        try:
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        finally:
            del schema_editor.sql_create_table
        model = to_state.apps.get_model(app_label, self.name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            ensure_partitions(
                model._meta.db_table,
                now=datetime.now(UTC),
                using=schema_editor.connection.alias,
            )
