"""Wait for a condition instead of for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def await_that(condition: Callable[[], T], what: str, *, seconds: float = 15) -> T:
    """Return the first true value of `condition`; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def await_promised(condition: Callable[[], T], what: str, *, seconds: float) -> T:
    """Return the first true value of `condition`, which the product promises within `seconds`.

    Fails where it is asked later than that and still not true. How long the asking takes doesn't
    count, so a machine that stalls here is not held against the product.
    """
    began = time.monotonic()
    while True:
        asked = time.monotonic() - began
        value = condition()
        if value:
            return value
        assert asked <= seconds, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
