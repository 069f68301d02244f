"""How full the pools of connections of this process are.

A pool counts by itself; a thread reads it once a second, so that no request pays for it. The API's
processes share their metrics in files, which no collector of one process can write at a scrape.
"""

import os
import threading
import time
from typing import Any

from django.db.backends.postgresql.base import DatabaseWrapper
from prometheus_client import Counter, Gauge
from psycopg_pool import ConnectionPool

EVERY_SECONDS = 1.0

size = Gauge(
    "frontrow_db_pool_size",
    "Connections that the pools of a process have now",
    ["database"],
    multiprocess_mode="livesum",
)
most = Gauge(
    "frontrow_db_pool_max",
    "Connections that they may have",
    ["database"],
    multiprocess_mode="livesum",
)
idle = Gauge(
    "frontrow_db_pool_idle",
    "Connections that nobody uses now",
    ["database"],
    multiprocess_mode="livesum",
)
waiting = Gauge(
    "frontrow_db_pool_waiting",
    "Threads that wait for a connection now",
    ["database"],
    multiprocess_mode="livesum",
)
waited = Counter(
    "frontrow_db_pool_wait_seconds_total",
    "How long threads have waited for a connection",
    ["database"],
)


class PoolWatch:
    """The thread that reads the pools, one a process."""

    def __init__(self) -> None:
        self._process = 0
        self._starting = threading.Lock()
        self._waited_ms: dict[str, float] = {}

    def begin(self) -> None:
        """Read the pools of this process from now on. Costs a comparison where it does."""
        if self._process == os.getpid():
            return
        with self._starting:
            if self._process != os.getpid():
                self._process = os.getpid()
                self._waited_ms = {}
                threading.Thread(target=self._read_for_ever, name="pools", daemon=True).start()

    def read(self) -> None:
        """Write down how the pools are."""
        # Note [Private attributes]: Django has no other name for its pools.
        pools: dict[str, ConnectionPool[Any]] = vars(DatabaseWrapper)["_connection_pools"]
        for database, pool in list(pools.items()):
            stats = pool.get_stats()
            size.labels(database).set(stats.get("pool_size", 0))
            most.labels(database).set(stats.get("pool_max", 0))
            idle.labels(database).set(stats.get("pool_available", 0))
            waiting.labels(database).set(stats.get("requests_waiting", 0))
            total = float(stats.get("requests_wait_ms", 0))
            # A pool that was made afresh counts from zero.
            before = self._waited_ms.get(database, 0.0)
            waited.labels(database).inc(
                max(0.0, total - before if total >= before else total) / 1000
            )
            self._waited_ms[database] = total

    def _read_for_ever(self) -> None:
        while True:
            self.read()
            time.sleep(EVERY_SECONDS)


watch = PoolWatch()
