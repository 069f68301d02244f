"""The revoked logins: ended, although their access tokens have not expired.

Note [Revoked logins]
An access token is verified without any I/O, so the end of a login must reach every process. The
transaction that ends the login writes a row (`operations.revoke`), kept for the life of an access
token by the primary's clock. Each process reads new rows every second (Note [Refreshed copy]); a
request only looks at the copy. A process keeps what it has read until the time is over, whatever a
server says later.

After the commit the ids are repeated to a sorted set in the lock role (the cache may evict them),
and a task repeats all that are still needed, so a server that lost its data, or a process killed
before it could write, loses nothing for long. Processes that start while PostgreSQL is unavailable
read the set. A process that could read neither responds with 503 rather than accept a login that
may have ended.
"""

import logging
import threading
import time
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, connection
from prometheus_client import Counter
from psycopg_pool import PoolTimeout
from redis import Redis

from accounts import tokens
from kernel.caching.refreshed_copy import RefreshedCopy
from kernel.errors import ServiceUnavailable
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import guarded

log = logging.getLogger(__name__)

KEY = "fr:l:{revoked}:sessions"
_SLACK_SECONDS = 5  # clocks of two machines may differ this much
# A row becomes visible when its transaction commits, later than its time says: each read goes back
# further than any of our transactions lasts, and now and then to the beginning.
_LOOK_BACK = timedelta(seconds=60)
_LOOK_AT_ALL_EVERY = 60  # reads
_CHUNK = 1000

# The server's clock, as PostgreSQL's for the rows: no host's clock shortens a revocation.
_REPEAT = """
local now = tonumber(redis.call('TIME')[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'GT', now + tonumber(ARGV[1]), ARGV[i]) end
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[1]) * 2)
"""
_READ = """
SELECT present.moment, revoked.sid,
       extract(epoch FROM revoked.until - present.moment)::float8
  FROM (SELECT statement_timestamp() AS moment) AS present
  LEFT JOIN accounts_revokedlogin AS revoked
    ON revoked.until > present.moment AND revoked.recorded_at > %s
"""


def seconds_to_keep() -> int:
    """Return for how many seconds a revocation must last: the longest life of an access token."""
    return tokens.longest_access_seconds() + _SLACK_SECONDS


class RevokedSessions(RefreshedCopy):
    """This process's copy of the ids of ended logins (Note [Revoked logins])."""

    name = "revoked-sessions"
    failures = Counter(
        "frontrow_revocation_refresh_failures_total",
        "Times the copy of revoked sessions stayed old",
    )

    def __init__(self) -> None:
        super().__init__()
        self._until: dict[str, float] = {}  # id -> end by this process's monotonic clock
        self._read_until: datetime | None = None  # by PostgreSQL's clock; None: read everything
        self._reads = 0

    def begin_process(self) -> None:
        """Start over in a new process; see `RefreshedCopy.begin_process`."""
        super().begin_process()
        self._lock = threading.Lock()

    def __contains__(self, session_id: str) -> bool:
        if not self.is_started:
            self.start()
        if not self.has_copy:
            raise ServiceUnavailable
        return session_id in self._until

    def add(self, session_ids: Collection[str]) -> None:
        """Refuse these here at once."""
        self._learn(dict.fromkeys(session_ids, float(seconds_to_keep())))

    def refresh(self) -> None:
        """Read what is new in PostgreSQL.

        Raises what the database raises, then with what Redis knows instead; `DependencyUnavailable`
        where that is unavailable too.
        """
        try:
            found = self._read_rows()
        except (DatabaseError, PoolTimeout):
            self._learn(dict.fromkeys(_repeated(), float(seconds_to_keep())))
            self.has_copy = True
            raise
        self._learn(found)
        self.has_copy = True

    def _read_rows(self) -> dict[str, float]:
        if self._reads % _LOOK_AT_ALL_EVERY == 0:
            self._read_until = None
        since = "-infinity" if self._read_until is None else self._read_until - _LOOK_BACK
        with connection.cursor() as cursor:
            cursor.execute(_READ, [since])
            rows = cursor.fetchall()
        self._reads += 1
        self._read_until = rows[0][0]
        return {sid: seconds for _, sid, seconds in rows if sid is not None}

    def _learn(self, seconds_left: dict[str, float]) -> None:
        now = time.monotonic()
        with self._lock:
            kept = {sid: until for sid, until in self._until.items() if until > now}
            for sid, seconds in seconds_left.items():
                kept[sid] = max(kept.get(sid, 0.0), now + seconds)
            self._until = kept


def _repeated() -> list[str]:
    found: Any = guarded("lock", lambda server: server.zrange(KEY, 0, -1))
    return [sid.decode() for sid in found]


def _write(server: Redis, session_ids: list[str], seconds: int) -> None:
    for start in range(0, len(session_ids), _CHUNK):
        server.eval(_REPEAT, 1, KEY, seconds, *session_ids[start : start + _CHUNK])


_sessions = RevokedSessions()


def is_revoked(session_id: str) -> bool:
    """Return whether this process knows that the login has ended; no I/O but the first time.

    Raises `ServiceUnavailable` in a process that could read neither PostgreSQL nor Redis yet.
    """
    return session_id in _sessions


def revoke(session_ids: Collection[str]) -> None:
    """Refuse logins here at once and repeat that to Redis, after the commit that ended them.

    Never raises when Redis is unavailable: the rows are the truth, and `repeat` writes them later.
    """
    if session_ids:
        _sessions.add(session_ids)
        repeat(session_ids)


def repeat(session_ids: Collection[str]) -> None:
    """Write ids of ended logins to Redis; never raises when it is unavailable."""
    try:
        guarded("lock", lambda server: _write(server, list(session_ids), seconds_to_keep()))
    except DependencyUnavailable:
        log.warning("revoked logins wait for redis", extra={"count": len(session_ids)})
