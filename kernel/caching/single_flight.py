"""One builder at a time for each key, within a process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SingleFlight:
    """One lock a key, there only while somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}  # with the number of users

    @contextmanager
    def acquire(self, key: str, *, wait_seconds: float) -> Iterator[bool]:
        """Yield whether the key's lock was free within `wait_seconds` (0: at once)."""
        lock = self._enter(key)
        held = lock.acquire(timeout=wait_seconds) if wait_seconds else lock.acquire(blocking=False)
        try:
            yield held
        finally:
            if held:
                lock.release()
            self._leave(key)

    def _enter(self, key: str) -> threading.Lock:
        with self._guard:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
            return lock

    def _leave(self, key: str) -> None:
        with self._guard:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)
