"""Dropping monthly partitions at the end of their retention.

Note [Dropping a partition]
Dropping a partition locks its whole table against every session, and all of them then wait behind
the one that the drop waits for. So it is detached first, CONCURRENTLY: that waits for the
transactions that may still read it and blocks no one meanwhile. It ends in three steps (detach
begun, detached, dropped), and a run that is cut short or gives up waiting leaves the rest to the
next one, which finds the partition by its name.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql

from kernel.db.advisory import lock_key
from kernel.db.dedicated import dedicated_connection
from kernel.db.partitions import first_of_month

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[Any, ...]]

_LOCK_TIMEOUT = "5s"  # for the transactions that may still read a partition
_LONGEST_LOOK = "10min"  # through a partition of millions of rows, once a month
_RESPONSE_TIMEOUT = 630.0  # seconds: later than the server gives up by itself
_IN_USE = "in use"
_LOCK = lock_key("kernel.partitions.purge")

_STANDING = """
    SELECT child.relname, link.inhrelid IS NOT NULL, coalesce(link.inhdetachpending, false)
      FROM pg_class AS child
      LEFT JOIN pg_inherits AS link
        ON link.inhrelid = child.oid AND link.inhparent = to_regclass(%(table)s)
     WHERE child.relkind = 'r' AND child.relname ~ ('^' || %(table)s || '_p[0-9]{6}$')
       AND child.relnamespace = (SELECT relnamespace FROM pg_class
                                  WHERE oid = to_regclass(%(table)s))
     ORDER BY 3 DESC, child.relname  -- a table has one detach under way at most
"""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the rows of a partitioned table are kept.

    A partition goes once its month lies wholly more than `months` back (0: it never goes). One with
    a row that any condition of `unless` holds for stays; the conditions are SQL over a row and
    `%(since)s`, the moment the retention reaches back to, and are tried in order. So does one
    whose month the table `after` still has.
    """

    months: int
    unless: tuple[LiteralString, ...] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Purge:
    """Partitions that went (or would go), and those past their time that stay, with the reason."""

    dropped: list[str]
    kept: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Partition:
    name: str
    is_attached: bool
    is_pending: bool  # a detach has begun

    @property
    def month(self) -> str:
        return self.name[-6:]


def purge(table: str, retention: Retention, *, now: datetime, dry_run: bool = False) -> Purge:
    """Drop the partitions of `table` that have served their time (Note [Dropping a partition]).

    One run at a time: beside another it does nothing. Raises `psycopg.OperationalError` when the
    primary can't be reached.
    """
    result = Purge([], {})
    if not retention.months:
        return result
    since = _months_before(now, retention.months)
    with _session() as connection:
        if connection is None:
            return result
        for partition in _standing(connection, table):
            if partition.month >= f"{since:%Y%m}":
                break
            reason = _needed(connection, partition, retention, since)
            if reason is None and not dry_run:
                reason = _drop(connection, table, partition)
            if reason is None:
                result.dropped.append(partition.name)
            else:
                result.kept[partition.name] = reason
            if reason == _IN_USE:
                break  # the same transaction may read the others as well
    return result


def _months_before(now: datetime, months: int) -> datetime:
    """Return the same day and hour some months before, at most the end of that month."""
    first, end = (first_of_month(now, months_later=later - months) for later in (0, 1))
    return min(first + (now - first_of_month(now)), end)


@contextmanager
def _session() -> Iterator[Connection | None]:
    """Yield a connection in autocommit mode, or None while another run is under way."""
    with dedicated_connection(
        application="frontrow-retention", response_timeout=_RESPONSE_TIMEOUT
    ) as connection:
        connection.execute(f"SET lock_timeout = '{_LOCK_TIMEOUT}'")
        connection.execute(f"SET statement_timeout = '{_LONGEST_LOOK}'")
        mine = connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        yield connection if mine == (True,) else None


def _standing(connection: Connection, table: str) -> list[_Partition]:
    rows = connection.execute(_STANDING, {"table": table}).fetchall()
    return [_Partition(*row) for row in rows]


def _needed(
    connection: Connection, partition: _Partition, retention: Retention, since: datetime
) -> str | None:
    """Say why the partition has to stay, or None."""
    if retention.after is not None:
        before = {other.month for other in _standing(connection, retention.after)}
        if partition.month in before:
            return f"{retention.after} still has this month"
    for condition in retention.unless:
        query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE {})").format(
            sql.Identifier(partition.name), sql.SQL(condition)
        )
        if connection.execute(query, {"since": since}).fetchone() == (True,):
            return f"rows where {condition.replace('%(since)s', since.isoformat())}"
    return None


def _drop(connection: Connection, table: str, partition: _Partition) -> str | None:
    """Drop the partition; return why that has to wait, or None."""
    steps: list[LiteralString] = []
    if partition.is_attached:
        how = "FINALIZE" if partition.is_pending else "CONCURRENTLY"
        steps.append("ALTER TABLE {table} DETACH PARTITION {partition} " + how)
    steps.append("DROP TABLE {partition}")
    names = {"table": sql.Identifier(table), "partition": sql.Identifier(partition.name)}
    try:
        for step in steps:
            connection.execute(sql.SQL(step).format(**names))
    except errors.LockNotAvailable:
        log.warning("partition in use, dropped later", extra={"partition": partition.name})
        return _IN_USE
    log.warning("partition dropped", extra={"partition": partition.name})
    return None
