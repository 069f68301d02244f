"""A cache of a second, in the process, built by one thread at a time."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from kernel.caching.responses import Flights

_LONGEST_WAIT = 5.0  # seconds for another thread's building; then one builds beside it

K = TypeVar("K")
V = TypeVar("V")


class BriefCache(Generic[K, V]):
    """Keep each value for `seconds`; callers that come while it is rebuilt wait for that one.

    Bounded: past `limit` keys everything is forgotten, which costs a rebuild, no more. A key
    that can't be built leaves nothing behind: anybody may ask for keys that don't exist.
    """

    def __init__(self, *, seconds: float, limit: int = 2048) -> None:
        self._seconds = seconds
        self._limit = limit
        self._values: dict[K, tuple[float, V]] = {}
        self._flights = Flights()
        self._lock = threading.Lock()

    def get(self, key: K, build: Callable[[], V]) -> V:
        """Return the value of `key`, made by `build` when there is none or it is too old."""
        found = self._fresh(key)
        if found is not None:
            return found[1]
        with self._flights.boarding(str(key), wait_seconds=_LONGEST_WAIT):
            found = self._fresh(key)
            if found is not None:
                return found[1]
            started = time.monotonic()
            value = build()
            self._store(key, started, value)
            return value

    def drop(self, key: K) -> None:
        """Forget one value."""
        with self._lock:
            self._values.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()

    def _fresh(self, key: K) -> tuple[float, V] | None:
        found = self._values.get(key)
        if found is None or time.monotonic() - found[0] >= self._seconds:
            return None
        return found

    def _store(self, key: K, started: float, value: V) -> None:
        with self._lock:
            if len(self._values) >= self._limit:
                self._values.clear()
            self._values[key] = (started, value)
