"""Reads that may be stale, answered by the streaming replica while it keeps up.

Note [Replica reads]
Nothing is ever decided on a replica read. A query opts in with `stale_reads`, and gets the primary
where there is no replica, or it is unavailable or lags too far. A cache entry dropped after a write
leaves the write's WAL position as a marker; `stale_reads(after=marker)` uses the replica only once
it has replayed that position, so a lagging replica can't put the old value back. Positions compare
only within one history: after a restore or a promotion the same number may come before or after.

Note [Freshness of the replica]
A replica that has replayed everything it received may still be old: when the link is dead, the
receiver says "streaming" for another minute. The age of the last commit that it has replayed cannot
deceive: it has all that was committed before. Where that commit is old, either nothing was written
since, and the replica is where the primary is (one statement says so), or the replica is behind by
that much.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from prometheus_client import Counter

from kernel import clock
from kernel.db.connection import PatientConnection
from kernel.db.failures import DATABASE_ERRORS

REPLICA = "replica"

fallbacks = Counter(
    "frontrow_replica_fallbacks_total",
    "Stale-tolerant reads answered by the primary, by reason",
    ["reason"],
)

_alias: ContextVar[str] = ContextVar("stale_read_alias", default=DEFAULT_DB_ALIAS)


class WalPosition(NamedTuple):
    """A place in the write-ahead log: positions compare within one history and never across."""

    history: str  # "<the cluster's system identifier>.<timeline>"
    position: int


NOWHERE = WalPosition("", 0)  # in no history


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """How far the replica is; the lag in seconds, None while nobody streams to it."""

    at: WalPosition
    lag: float | None


@dataclass(slots=True)
class _Health:
    """What this process last saw of the replica."""

    checked_at: float = float("-inf")  # monotonic seconds
    replayed: WalPosition = NOWHERE
    usable: bool = False
    reason: str = "unchecked"

    def has_replayed(self, wanted: WalPosition | int | None) -> bool:
        if isinstance(wanted, WalPosition):
            return wanted.history == self.replayed.history and self.has_replayed(wanted.position)
        return wanted is None or self.replayed.position >= wanted


_health = _Health()
_checking = threading.Lock()


def current_alias() -> str:
    """Return the alias that reads of this context go to (for the router)."""
    return _alias.get()


@contextmanager
def stale_reads(*, after: WalPosition | int | None = None) -> Iterator[str]:
    """Send the reads inside to the replica if it is recent enough; yields the alias chosen.

    `after` is what the replica must have replayed: a position with its history (`written`), or one
    of the history that this process is in now (`write_position`).
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


def written(*, using: str = DEFAULT_DB_ALIAS) -> WalPosition:
    """Return `write_position` with the history it belongs to: one statement."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            """
            SELECT system_identifier, pg_walfile_name(position), (position - '0/0'::pg_lsn)::bigint
            FROM pg_control_system(), pg_current_wal_insert_lsn() position
            """
        )
        system, segment, position = cursor.fetchone()
    return WalPosition(_history(system, int(segment[:8], 16)), int(position))


def known_history() -> str:
    """Return the history that the replica follows, as last seen; empty if never; no I/O."""
    return _health.replayed.history


def forget_health() -> None:
    """Make the next stale read check the replica (after a known failure, and in tests)."""
    _health.checked_at = float("-inf")


def _choose(after: WalPosition | int | None) -> str:
    if REPLICA not in connections.settings:
        return DEFAULT_DB_ALIAS
    health = _look(after)
    reason = health.reason
    if health.usable and health.has_replayed(after):
        return REPLICA
    if health.usable:
        reason = "behind_marker"
    fallbacks.labels(reason).inc()
    return DEFAULT_DB_ALIAS


def _look(after: WalPosition | int | None) -> _Health:
    """Return the replica's health, at most `REPLICA_CHECK_SECONDS` old; one thread checks it."""
    stale = time.monotonic() - _health.checked_at > settings.REPLICA_CHECK_SECONDS
    behind = _health.usable and not _health.has_replayed(after)
    if (stale or behind) and _checking.acquire(blocking=False):
        try:
            _check()
        finally:
            _checking.release()
    return _health


def _check() -> None:
    try:
        state = look()
    except DATABASE_ERRORS:
        connections[REPLICA].close()
        _health.usable, _health.reason = False, "unavailable"
    else:
        _health.replayed = state.at
        _health.usable = state.lag is not None and state.lag <= settings.REPLICA_MAX_LAG_SECONDS
        _health.reason = "not_streaming" if state.lag is None else "lagging"
    _health.checked_at = time.monotonic()


def look() -> ReplicaState:
    """Measure how far the replica is (Note [Freshness of the replica]): one statement, or three.

    Raises what the replica's connection raises. If the primary is unavailable, the age stands.
    """
    state = _replica_state()
    if state.lag is None or state.lag <= settings.REPLICA_MAX_LAG_SECONDS:
        return state
    try:
        primary = written()
    except DATABASE_ERRORS:
        connections[DEFAULT_DB_ALIAS].close()
        return state
    if not _stands_at(state, primary):
        state = _replica_state()  # it may have got there meanwhile
    return ReplicaState(state.at, 0.0) if _stands_at(state, primary) else state


def _stands_at(state: ReplicaState, primary: WalPosition) -> bool:
    same = state.at.history == primary.history
    return same and state.lag is not None and state.at.position >= primary.position


def _replica_state() -> ReplicaState:
    """Return where the replica is and the age of the last commit it has replayed."""
    with connections[REPLICA].cursor() as cursor:
        cursor.execute(
            """
            SELECT system_identifier, received_tli, status = 'streaming',
                   (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint,
                   pg_last_xact_replay_timestamp(), pg_is_in_recovery()
            FROM pg_control_system() LEFT JOIN pg_stat_wal_receiver ON true
            """
        )
        system, timeline, streaming, replayed, committed_at, follows = cursor.fetchone()
    if not follows:
        _leave_the_leader()
    at = WalPosition(_history(system, timeline or 0), int(replayed or 0))
    return ReplicaState(at, _age(committed_at) if streaming else None)


def _leave_the_leader() -> None:
    """Drop the connections to a server that leads by now: new ones lead to one that follows."""
    found = connections[REPLICA].connection
    if isinstance(found, PatientConnection):
        found.leave_with_its_pool()
    connections[REPLICA].close()


def _age(committed_at: datetime | None) -> float:
    """Return the seconds since a commit; the primary wrote when it was (Note [One clock])."""
    if committed_at is None:
        return float("inf")
    return max(0.0, (clock.now() - committed_at).total_seconds())


def _history(system: int, timeline: int) -> str:
    return f"{system}.{timeline}"
