"""Calls of functions, for somebody above who measures them; nobody does unless `watch` was called.

This room knows no traces: they look down on it (kernel/telemetry/statement_spans.py).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

Around = Callable[[str, str, int], AbstractContextManager[Any]]

_NOTHING: AbstractContextManager[Any] = nullcontext()


def _unwatched(function: str, role: str, calls: int) -> AbstractContextManager[Any]:
    return _NOTHING


_around: Around = _unwatched


def watch(around: Around) -> None:
    """From now on, enter `around(function, role, calls)` for each round trip."""
    global _around  # noqa: PLW0603  (one a process)
    _around = around


def call_of(function: str, role: str, calls: int = 1) -> AbstractContextManager[Any]:
    """Return what a round trip of so many calls of a function is to be made in."""
    return _around(function, role, calls)
