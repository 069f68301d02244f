"""A circuit breaker: stop calling a dependency that fails, and try it again from time to time.

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


class DependencyUnavailable(Exception):
    """The dependency failed, or its breaker is open."""

    def __init__(self, dependency: str) -> None:
        super().__init__(dependency)
        self.dependency = dependency


class RetryingBreaker:
    """What breakers share: one call per `retry_seconds` while open, and what operators see."""

    def __init__(
        self,
        dependency: str,
        *,
        failures_on: tuple[type[BaseException], ...],
        retry_seconds: float,
    ) -> None:
        self.dependency = dependency
        self._failures_on = failures_on
        self._retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self._retry_at = 0.0  # monotonic seconds

    def _may_try(self) -> bool:
        with self._lock:
            if time.monotonic() < self._retry_at:
                return False
            self._put_off()
            return True

    def _put_off(self) -> None:
        """Let the next call through in `retry_seconds`; needs the lock."""
        self._retry_at = time.monotonic() + self._retry_seconds

    def _publish(self, *, is_open: bool, error: BaseException | None = None) -> None:
        state.labels(self.dependency).set(int(is_open))
        if is_open:
            opened.labels(self.dependency).inc()
        log.warning(
            "breaker opened" if is_open else "breaker closed",
            extra={"dependency": self.dependency} | ({"error": repr(error)} if error else {}),
        )


class Breaker(RetryingBreaker):
    """Guard the calls to one dependency, in one process, for all its threads."""

    def __init__(
        self,
        dependency: str,
        *,
        failures_on: tuple[type[BaseException], ...],
        threshold: int = 3,
        retry_seconds: float = 1.0,
    ) -> None:
        super().__init__(dependency, failures_on=failures_on, retry_seconds=retry_seconds)
        self._threshold = threshold
        self._failed = 0

    @property
    def is_open(self) -> bool:
        """Say whether calls are refused for now."""
        return self._failed >= self._threshold

    def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns, or raise `DependencyUnavailable`.

        While open, one call per `retry_seconds` is let through to see whether it is back.
        """
        if self.is_open and not self._may_try():
            raise DependencyUnavailable(self.dependency)
        try:
            result = function()
        except self._failures_on as error:
            self._record_failure(error)
            raise DependencyUnavailable(self.dependency) from error
        if self._failed:
            self._record_success()
        return result

    def reset(self) -> None:
        """Close it (for tests, which know that the dependency is back)."""
        self._record_success()

    def _record_failure(self, error: BaseException) -> None:
        failures.labels(self.dependency).inc()
        with self._lock:
            self._failed += 1
            self._put_off()
            just_opened = self._failed == self._threshold
        if just_opened:
            self._publish(is_open=True, error=error)

    def _record_success(self) -> None:
        with self._lock:
            was_open = self.is_open
            self._failed = 0
        if was_open:
            self._publish(is_open=False)
