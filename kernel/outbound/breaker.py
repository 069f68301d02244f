"""A circuit breaker for services outside: it opens by the ratio of failed calls.

A dependency of ours that fails three times in a row is down (`kernel/redis/breaker.py`). A service
outside always has a few failures among many calls; what counts is their share, once there are
enough calls to judge by. After M. Nygard, "Release It!" (2007); ratio and volume as in Netflix's
Hystrix. The libraries either hold a lock while the guarded call runs or count failures in a row.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from kernel.redis.breaker import DependencyUnavailable, RetryingBreaker, failures

T = TypeVar("T")
_SLICES = 10  # of a window: it moves on by one at a time


@dataclass
class _Slice:
    """The calls of a part of the window."""

    began: float  # monotonic seconds
    calls: int = 0
    failed: int = 0


class RatioBreaker(RetryingBreaker):
    """Guard the calls to one service, in one process, for all its threads.

    It opens when at least `volume` calls ended within `window_seconds` and `ratio` of them failed.
    While open, one call per `retry_seconds` is let through; the first that succeeds closes it.
    """

    def __init__(
        self,
        dependency: str,
        *,
        failures_on: tuple[type[BaseException], ...],
        ratio: float = 0.5,
        volume: int = 10,
        window_seconds: float = 20.0,
        retry_seconds: float = 5.0,
    ) -> None:
        super().__init__(dependency, failures_on=failures_on, retry_seconds=retry_seconds)
        self._ratio, self._volume = ratio, volume
        self._window_seconds = window_seconds
        self._slices: deque[_Slice] = deque()
        self._open = False

    @property
    def is_open(self) -> bool:
        """Say whether calls are refused for now."""
        return self._open

    def call(self, function: Callable[[], T]) -> T:
        """Return what `function` returns. Its errors pass, and those of `failures_on` count.

        Raises DependencyUnavailable, without a call, while it is open.
        """
        if self._open and not self._may_try():
            raise DependencyUnavailable(self.dependency)
        try:
            result = function()
        except self._failures_on as error:
            self._record(error)
            raise
        except Exception:
            self._record(None)  # it responded: what it said is no failure of the service
            raise
        self._record(None)
        return result

    def _record(self, error: BaseException | None) -> None:
        if error:
            failures.labels(self.dependency).inc()
        with self._lock:
            was_open = self._open
            if was_open and error is None:
                self._open = False
                self._slices.clear()
            else:
                self._count(failed=error is not None)
                self._open = was_open or self._is_failing()
            if error and self._open:
                self._put_off()
            is_open = self._open
        if is_open != was_open:
            self._publish(is_open=is_open, error=error)

    def _count(self, *, failed: bool) -> None:
        now = time.monotonic()
        while self._slices and self._slices[0].began <= now - self._window_seconds:
            self._slices.popleft()
        if not self._slices or self._slices[-1].began <= now - self._window_seconds / _SLICES:
            self._slices.append(_Slice(now))
        self._slices[-1].calls += 1
        self._slices[-1].failed += failed

    def _is_failing(self) -> bool:
        calls = sum(one.calls for one in self._slices)
        failed = sum(one.failed for one in self._slices)
        return calls >= self._volume and failed >= calls * self._ratio
