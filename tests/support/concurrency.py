"""Start calls in the same moment, each in a thread of its own."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

from django.db import connections

T = TypeVar("T")
U = TypeVar("U")


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all calls in the same moment; return their results, or the exceptions they raised."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return call()
        except Exception as error:  # noqa: BLE001  (the outcome is the result)
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def all_at_once(work: Callable[[T], U], items: Iterable[T]) -> list[U]:
    """Run `work` on every item in the same moment; raise the first exception of any."""
    return race(*[lambda item=item: work(item) for item in items])


def race(*calls: Callable[[], U]) -> list[U]:
    """Run all calls in the same moment; raise the first exception of any."""
    outcomes = at_once(calls)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return outcomes
