"""Batches: those who wait for the same call are served by one.

Note [Batches in flight]
Most of what a call of a server costs is paid once a call, however many fans it serves. So for each
key (a waiting room) one batch at a time is under way, in a thread, and all who arrive meanwhile go
with the next: nobody waits for a timer, and a crowd makes the batches larger instead of more. The
order of arrival is the order in a batch and of the batches.

A fan who has gone before a batch begins is left out of it; one who goes later gets a result that
nobody reads. Neither changes anything for the others.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Generic, TypeVar

from prometheus_client import Histogram

from kernel.outcomes import Outcome

log = logging.getLogger(__name__)
fans = Histogram(
    "frontrow_batch_fans",
    "Fans served by one call in fastpath",
    ["kind"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
)

K = TypeVar("K")
Q = TypeVar("Q")
R = TypeVar("R")


class Batcher(Generic[K, Q, R]):
    """Requests by key, served in batches of at most `most` (Note [Batches in flight]).

    `serve` is called in a thread of `executor` with a key and its requests, and returns their
    outcomes in the same order. `kind` is a label of the metric. To be used on one event loop.
    """

    def __init__(
        self,
        serve: Callable[[K, Sequence[Q]], Sequence[Outcome[R]]],
        *,
        executor: Executor,
        most: int,
        kind: str,
    ) -> None:
        self._serve = serve
        self._fans = fans.labels(kind)
        self._executor = executor
        self._most = most
        # A key stands here while a batch of it is under way.
        self._waiting: dict[K, deque[tuple[Q, asyncio.Future[Outcome[R]]]]] = {}

    def submit(self, key: K, request: Q) -> "asyncio.Future[Outcome[R]]":
        """Let a request wait for the next batch of `key`; the result is its outcome."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Outcome[R]] = loop.create_future()
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = deque()
            loop.call_soon(self._begin, key)  # with those whom this turn of the loop brings, too
        waiting.append((request, answered))
        return answered

    def _begin(self, key: K) -> None:
        batch = self._next(key)
        if not batch:
            del self._waiting[key]
            return
        requests = [request for request, _ in batch]
        self._fans.observe(len(requests))
        loop = asyncio.get_running_loop()
        try:
            serving = loop.run_in_executor(self._executor, self._serve, key, requests)
        except RuntimeError as error:  # the process is ending
            _answer(batch, [error] * len(batch))
            loop.call_soon(self._begin, key)
            return
        serving.add_done_callback(partial(self._end, key, batch))

    def _next(self, key: K) -> list[tuple[Q, "asyncio.Future[Outcome[R]]"]]:
        waiting = self._waiting[key]
        batch: list[tuple[Q, asyncio.Future[Outcome[R]]]] = []
        while waiting and len(batch) < self._most:
            request, answered = waiting.popleft()
            if not answered.done():
                batch.append((request, answered))
        return batch

    def _end(
        self,
        key: K,
        batch: Sequence[tuple[Q, "asyncio.Future[Outcome[R]]"]],
        serving: "asyncio.Future[Sequence[Outcome[R]]]",
    ) -> None:
        error = asyncio.CancelledError() if serving.cancelled() else serving.exception()
        if error is None:
            _answer(batch, serving.result())
        else:
            log.error("a batch was not served", exc_info=error)
            failed = error if isinstance(error, Exception) else RuntimeError("a batch was ended")
            _answer(batch, [failed] * len(batch))
        self._begin(key)


def _answer(
    batch: Sequence[tuple[Q, "asyncio.Future[Outcome[R]]"]], outcomes: Sequence[Outcome[R]]
) -> None:
    for (_, answered), outcome in zip(batch, outcomes, strict=True):
        if not answered.done():
            answered.set_result(outcome)
