"""This process's copy of the rate limits that staff have set.

Note [Copy of the limits]
Routes with a budget of round trips ask for their limit at each call, so no request reads the rows:
a thread of each process does, every second, and a call looks at its copy. Only the very first
calls wait, for the first copy; one that has a connection of the pool reads for itself instead, as
it would wait for a thread that needs one more. With PostgreSQL away the last copy counts, or else
the settings.
"""

import logging
import os
import threading
from collections.abc import Mapping

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from prometheus_client import Counter

from accounts.models import RateLimit
from kernel.rate_limits import Rate

log = logging.getLogger(__name__)

_REFRESH_SECONDS = 1.0
_FIRST_COPY_SECONDS = 3.0

refresh_failures = Counter(
    "frontrow_rate_limit_refresh_failures_total", "Times the copy of staff's limits stayed old"
)


def _rates() -> Mapping[str, Rate]:
    rows = RateLimit.objects.values_list("route", "amount", "period_seconds")
    return {route: Rate(amount, period) for route, amount, period in rows}


class ChosenRates:
    """The rates by route, at most a second old."""

    def __init__(self) -> None:
        self._copy: Mapping[str, Rate] = {}
        self._reading = threading.Lock()
        self._starting = threading.Lock()
        self._failing = False
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def get(self, route: str) -> Rate | None:
        """Return what staff have set for a route, if anything."""
        if self._pid != os.getpid():
            self._start()
        return self._copy.get(route)

    def refresh(self) -> None:
        """Read the rows; raises what the database raises."""
        with self._reading:  # so that an older copy never replaces a newer one
            self._copy = _rates()

    def stop(self) -> None:
        """Read no more; the last copy stays."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        """Let a thread read, once a process, so after a fork too; wait for its first copy."""
        has_connection = connections[DEFAULT_DB_ALIAS].connection is not None
        if has_connection:
            self._copy = self._copy or _rates()
        if not self._starting.acquire(blocking=not has_connection):
            return
        try:
            if self._pid == os.getpid():
                return
            self._reading = threading.Lock()  # the parent's may have been held when it forked
            copied = threading.Event()
            self._thread = threading.Thread(
                target=self._keep_fresh, args=(copied,), name="rate-limits", daemon=True
            )
            self._thread.start()
            if not has_connection:
                copied.wait(_FIRST_COPY_SECONDS)
            self._pid = os.getpid()  # last: until then everybody waits
        finally:
            self._starting.release()

    def _keep_fresh(self, copied: threading.Event) -> None:
        while not self._stopping.is_set():
            self._try_refresh()
            copied.set()
            self._stopping.wait(_REFRESH_SECONDS)

    def _try_refresh(self) -> None:
        try:
            self.refresh()
            self._failing = False
        except Exception as error:
            # The thread must outlive whatever this was.
            refresh_failures.inc()
            if not self._failing:  # told once: it may go on for long
                away = isinstance(error, DatabaseError)
                log.warning("rate limits not refreshed: %s", error, exc_info=not away)
            self._failing = True
        finally:
            connections.close_all()  # back to the pool


_chosen = ChosenRates()


def chosen(route: str) -> Rate | None:
    """Return the rate staff have set for a route, else None (`settings.RATE_LIMIT_PROVIDER`)."""
    return _chosen.get(route)


def refresh() -> None:
    """Read the rows now, for this process alone; the others do within a second."""
    _chosen.refresh()


def stop() -> None:
    """Read no more in this process, whose database is about to go."""
    _chosen.stop()
