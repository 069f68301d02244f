"""A copy of a few rows that a thread of the process keeps fresh.

Note [Refreshed copy]
Routes with a budget of round trips need facts that change seldom: staff's rate limits, ended
logins. No request reads those rows: a thread of each process does, every second, with one
statement, and a request looks at its copy. Only the very first requests wait, for the first copy;
one that holds a connection of the pool reads the rows itself instead, as it would be waiting for a
thread that needs one more. Each copy says what applies while PostgreSQL is unavailable.
A process that was forked begins with new locks and a thread of its own: the parent's thread may
have held any lock at that moment, and is gone.
"""

import logging
import os
import threading
import weakref

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from prometheus_client import Counter
from psycopg_pool import PoolTimeout

from kernel.redis.breaker import DependencyUnavailable

log = logging.getLogger(__name__)

_UNAVAILABLE = (DatabaseError, PoolTimeout, DependencyUnavailable)
_REFRESH_SECONDS = 1.0
_FIRST_COPY_SECONDS = 3.0
_copies: "weakref.WeakSet[RefreshedCopy]" = weakref.WeakSet()


class RefreshedCopy:
    """A copy of rows that a thread keeps at most a second old (Note [Refreshed copy])."""

    name: str  # of the thread
    failures: Counter  # times the copy stayed old

    def __init__(self) -> None:
        self.has_copy = False
        self._failing = False
        self.begin_process()
        _copies.add(self)

    def begin_process(self) -> None:
        """Start over in a new process, with new locks and no thread; what was read stays."""
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.is_started = False

    def refresh(self) -> None:
        """Read the rows and set `has_copy`; raises what the database or Redis raises."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the thread that reads, once a process, and wait for its first copy."""
        if self.is_started:
            return
        has_connection = connections[DEFAULT_DB_ALIAS].connection is not None
        if has_connection and not self.has_copy:
            self._try_refresh()
        if not self._starting.acquire(blocking=not has_connection):
            return
        try:
            if self.is_started:
                return
            copied = threading.Event()
            self._thread = threading.Thread(
                target=self._keep_fresh, args=(copied,), name=self.name, daemon=True
            )
            self._thread.start()
            if not has_connection:
                copied.wait(_FIRST_COPY_SECONDS)
            self.is_started = True  # last: until then every request waits
        finally:
            self._starting.release()

    def stop(self) -> None:
        """Stop reading; the last copy stays."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _keep_fresh(self, copied: threading.Event) -> None:
        while not self._stopping.is_set():
            try:
                self._try_refresh()
            finally:
                connections.close_all()  # back to the pool
            copied.set()
            self._stopping.wait(_REFRESH_SECONDS)

    def _try_refresh(self) -> None:
        try:
            self.refresh()
            self._failing = False
        except Exception as error:
            # The thread must outlive whatever this was.
            self.failures.inc()
            if not self._failing:  # logged once: it may go on for long
                log.warning(
                    "%s not refreshed: %s",
                    self.name,
                    error,
                    exc_info=not isinstance(error, _UNAVAILABLE),
                )
            self._failing = True


def stop_all() -> None:
    """Stop reading in this process, whose database is about to go."""
    for copy in list(_copies):
        copy.stop()


def _begin_process() -> None:
    for copy in list(_copies):
        copy.begin_process()


os.register_at_fork(after_in_child=_begin_process)
