"""Retries of calls that may be repeated: few, with jitter, and within a budget.

Without a budget every caller of a failing service becomes several, and the retries keep it down.
The budget is gRPC's retry throttling: each call earns a part of a retry, each retry costs one.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

import stamina

T = TypeVar("T")


class RetryBudget:
    """How many retries a process may still make of one service; safe for threads.

    A call earns `ratio` of a retry, up to `capacity` retries saved.
    """

    def __init__(self, *, ratio: float = 0.1, capacity: float = 10.0) -> None:
        self._ratio, self._capacity = ratio, capacity
        self._saved = capacity
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Count a call."""
        with self._lock:
            self._saved = min(self._saved + self._ratio, self._capacity)

    def spend(self) -> bool:
        """Take a retry; False where none is left."""
        with self._lock:
            if self._saved < 1:
                return False
            self._saved -= 1
            return True


def retrying(
    function: Callable[[], T],
    *,
    on: tuple[type[Exception], ...],
    budget: RetryBudget,
    attempts: int = 3,
    seconds: float = 10.0,
) -> T:
    """Return what `function` returns; call it again, a little later, after an error of `on`.

    At most `attempts` times and for `seconds`, then the last error passes. Only for calls that
    have no second effect.
    """
    budget.earn()
    for attempt in stamina.retry_context(
        on=lambda error: isinstance(error, on) and budget.spend(),
        attempts=attempts,
        timeout=seconds,
        wait_initial=0.05,
        wait_max=0.5,
        wait_jitter=0.1,
    ):
        with attempt:
            return function()
    raise AssertionError("the last attempt returns or raises")
