"""Reads that may be stale, from the streaming replica while it keeps up.

Note [Replica reads]
Nothing is ever decided on a replica read. A query opts in with `stale_reads`, and gets the primary
when there is no replica, it is away, or it lags too far. A cache entry dropped after a write leaves
the write's WAL position as a marker; `stale_reads(after=marker)` uses the replica only once it
has replayed that position, so a lagging replica can't put the old value back.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections
from prometheus_client import Counter
from psycopg_pool import PoolTimeout

REPLICA = "replica"

fallbacks = Counter(
    "frontrow_replica_fallbacks_total",
    "Stale-tolerant reads answered by the primary, by reason",
    ["reason"],
)

_alias: ContextVar[str] = ContextVar("stale_read_alias", default=DEFAULT_DB_ALIAS)


@dataclass(slots=True)
class _Health:
    """What this process last saw of the replica."""

    checked_at: float = float("-inf")  # monotonic seconds
    replayed: int = 0  # WAL position as an integer
    usable: bool = False
    reason: str = "unchecked"


_health = _Health()
_checking = threading.Lock()


def current_alias() -> str:
    """Return the alias that reads of this context go to (the router asks)."""
    return _alias.get()


@contextmanager
def stale_reads(*, after: int | None = None) -> Iterator[str]:
    """Send the reads inside to the replica if it may answer; yields the alias chosen.

    `after` is a WAL position (see `write_position`) that the replica must have replayed.
    """
    alias = _choose(after)
    token = _alias.set(alias)
    try:
        yield alias
    finally:
        _alias.reset(token)


@contextmanager
def primary_reads() -> Iterator[None]:
    """Send the reads inside to the primary, whatever surrounds them."""
    token = _alias.set(DEFAULT_DB_ALIAS)
    try:
        yield
    finally:
        _alias.reset(token)


def write_position(*, using: str = DEFAULT_DB_ALIAS) -> int:
    """Return the primary's WAL insert position; after a commit it covers that commit."""
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint")
        return int(cursor.fetchone()[0])


def forget_health() -> None:
    """Make the next stale read look at the replica anew (after a known failure, and in tests)."""
    _health.checked_at = float("-inf")


def _choose(after: int | None) -> str:
    if REPLICA not in connections.settings:
        return DEFAULT_DB_ALIAS
    health = _look(after)
    reason = health.reason
    if health.usable and (after is None or health.replayed >= after):
        return REPLICA
    if health.usable:
        reason = "behind_marker"
    fallbacks.labels(reason).inc()
    return DEFAULT_DB_ALIAS


def _look(after: int | None) -> _Health:
    """Return the replica's health, at most `REPLICA_CHECK_SECONDS` old; one thread asks."""
    stale = time.monotonic() - _health.checked_at > settings.REPLICA_CHECK_SECONDS
    behind = after is not None and _health.usable and _health.replayed < after
    if (stale or behind) and _checking.acquire(blocking=False):
        try:
            _check()
        finally:
            _checking.release()
    return _health


def _check() -> None:
    """Ask the replica how far it is.

    The lag is zero when everything received is replayed and the receiver is streaming: an idle
    primary writes nothing, so the age of the last replayed commit alone would look like lag.
    """
    try:
        with connections[REPLICA].cursor() as cursor:
            cursor.execute(
                """
                SELECT (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint,
                       CASE WHEN pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()
                            THEN 0
                            ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp())
                       END,
                       EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')
                """
            )
            replayed, lag, streaming = cursor.fetchone()
    except (DatabaseError, InterfaceError, PoolTimeout):
        connections[REPLICA].close()
        _health.usable, _health.reason = False, "away"
    else:
        _health.replayed = int(replayed or 0)
        lagging = lag is None or lag > settings.REPLICA_MAX_LAG_SECONDS
        _health.usable = streaming and not lagging
        _health.reason = "" if _health.usable else ("lagging" if streaming else "not_streaming")
    _health.checked_at = time.monotonic()
