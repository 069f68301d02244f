"""A circuit breaker: stop asking a server that doesn't answer, and look again from time to time.

After M. Nygard, "Release It!" (2007). No library fits: the common ones hold a lock while the
guarded call runs, which would make every request of a process wait for the slowest.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from prometheus_client import Counter, Gauge

log = logging.getLogger(__name__)
T = TypeVar("T")

opened = Counter("frontrow_breaker_opened_total", "Times a breaker opened", ["part"])
state = Gauge("frontrow_breaker_open", "1 while open", ["part"], multiprocess_mode="livemax")
failures = Counter("frontrow_part_failures_total", "Failed calls to a part", ["part"])


class PartUnavailable(Exception):
    """The part failed, or its breaker is open."""

    def __init__(self, part: str) -> None:
        super().__init__(part)
        self.part = part


class Breaker:
    """Guard calls to one part of the system, in one process, for all its threads."""

    def __init__(
        self,
        part: str,
        *,
        failures_on: tuple[type[BaseException], ...],
        threshold: int = 3,
        retry_seconds: float = 1.0,
    ) -> None:
        self.part = part
        self._failures_on = failures_on
        self._threshold = threshold
        self._retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self._failed = 0
        self._retry_at = 0.0  # monotonic seconds

    @property
    def is_open(self) -> bool:
        """Say whether calls are refused for now."""
        return self._failed >= self._threshold

    def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns, or raise `PartUnavailable`.

        While open, one call per `retry_seconds` is let through to see whether the part is back.
        """
        if self.is_open and not self._may_try():
            raise PartUnavailable(self.part)
        try:
            result = function()
        except self._failures_on as error:
            self._note_failure(error)
            raise PartUnavailable(self.part) from error
        if self._failed:
            self._note_success()
        return result

    def reset(self) -> None:
        """Forget what was seen (used where a process knows that the part is back)."""
        self._note_success()

    def _may_try(self) -> bool:
        with self._lock:
            if time.monotonic() < self._retry_at:
                return False
            self._retry_at = time.monotonic() + self._retry_seconds
            return True

    def _note_failure(self, error: BaseException) -> None:
        failures.labels(self.part).inc()
        with self._lock:
            self._failed += 1
            self._retry_at = time.monotonic() + self._retry_seconds
            just_opened = self._failed == self._threshold
        if just_opened:
            opened.labels(self.part).inc()
            state.labels(self.part).set(1)
            log.warning("breaker opened", extra={"part": self.part, "error": repr(error)})

    def _note_success(self) -> None:
        with self._lock:
            was_open = self.is_open
            self._failed = 0
        if was_open:
            state.labels(self.part).set(0)
            log.warning("breaker closed", extra={"part": self.part})
