"""Which sessions have ended although their access tokens still run.

Note [Revoked sessions]
An access token is believed without asking anybody, so ending a session must reach every process.
The ids of ended sessions stand in one sorted set of the lock role (the cache may evict them),
scored by the moment when the last token they signed has expired. Each process copies the set
every second in a thread of its own; a request only looks at the copy. With Redis away the last
copy counts, and what this process ended itself is in its copy at once. An id added while Redis
is away is kept and written as soon as it is back.
"""

import logging
import os
import threading
import time
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from prometheus_client import Counter
from redis import Redis

from kernel.redis.breaker import PartUnavailable
from kernel.redis.roles import guarded

log = logging.getLogger(__name__)

KEY = "fr:l:{revoked}:sessions"
_REFRESH_SECONDS = 1.0
_SLACK_SECONDS = 5  # clocks of two machines may differ this much

refresh_failures = Counter(
    "frontrow_revocation_refresh_failures_total", "Times the copy of revoked sessions stayed old"
)


class RevokedSessions:
    """This process's copy of the revoked session ids."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._copy: frozenset[str] = frozenset()
        self._own: dict[str, float] = {}  # ended here: id -> Unix seconds until which it counts
        self._unwritten: set[str] = set()  # those of them that Redis doesn't know yet
        self._starting = threading.Lock()
        self._pid = 0

    def __contains__(self, session_id: str) -> bool:
        if self._pid != os.getpid():
            self._start()
        return session_id in self._copy

    def add(self, session_ids: Iterable[str]) -> None:
        """Revoke for the life of an access token; never raises when Redis is away."""
        until = time.time() + settings.ACCESS_TOKEN_SECONDS + _SLACK_SECONDS
        new = dict.fromkeys(session_ids, until)
        if not new:
            return
        with self._lock:
            self._own.update(new)
            self._unwritten |= new.keys()
            self._copy |= new.keys()
        try:
            self._write()
        except PartUnavailable:
            log.warning("revoked sessions wait for redis", extra={"count": len(new)})

    def refresh(self) -> None:
        """Write what couldn't be written before, then copy the set; raises `PartUnavailable`."""
        self._write()
        now = time.time()
        found: Any = guarded("lock", lambda server: server.zrangebyscore(KEY, now, "+inf"))
        with self._lock:
            self._own = {name: until for name, until in self._own.items() if until > now}
            self._copy = frozenset(name.decode() for name in found) | self._own.keys()

    def _write(self) -> None:
        with self._lock:
            waiting = {name: self._own[name] for name in self._unwritten if name in self._own}
        if waiting:
            now = time.time()
            guarded("lock", lambda server: _add(server, waiting, now=now))
        with self._lock:
            self._unwritten &= self._own.keys() - waiting.keys()

    def _start(self) -> None:
        """Copy once, then let a thread do it; once a process, so after a fork too."""
        with self._starting:
            if self._pid == os.getpid():
                return
            self._try_refresh()
            threading.Thread(target=self._keep_fresh, name="revoked-sessions", daemon=True).start()
            self._pid = os.getpid()  # last: until then everybody waits for the first copy

    def _keep_fresh(self) -> None:
        while True:
            time.sleep(_REFRESH_SECONDS)
            self._try_refresh()

    def _try_refresh(self) -> None:
        try:
            self.refresh()
        except PartUnavailable:
            refresh_failures.inc()
        except Exception:
            # The thread must outlive whatever this was: without it nobody is ever locked out.
            refresh_failures.inc()
            log.exception("revoked sessions not refreshed")


def _add(server: Redis, ids: dict[str, float], *, now: float) -> None:
    pipeline = server.pipeline(transaction=False)
    pipeline.zadd(KEY, ids)
    pipeline.zremrangebyscore(KEY, "-inf", now)
    pipeline.expire(KEY, settings.ACCESS_TOKEN_SECONDS * 2)
    pipeline.execute()


_sessions = RevokedSessions()


def is_revoked(session_id: str) -> bool:
    """Say whether the session has ended, as this process knows; no I/O but the very first time."""
    return session_id in _sessions


def revoke(session_ids: Iterable[str]) -> None:
    """End sessions everywhere within two seconds; call it after the commit that ended them."""
    _sessions.add(session_ids)
