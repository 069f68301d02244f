"""Batches: those who wait for the same call are served by one.

Note [Batches in flight]
Most of what a call of a server costs is paid once a call, however many fans it serves. So for each
key (a waiting room) one batch at a time is under way, and all who arrive meanwhile go with the
next: a crowd makes the batches larger instead of more. A server that replies at once would still
get them in twos and threes, so a batch that follows another begins `SPACING_SECONDS` after that one
did; who comes alone waits for nothing. The order of arrival is the order in a batch and of the
batches.

A fan who has gone before a batch begins is left out of it; one who goes later gets a result that
nobody reads. Neither changes anything for the others.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from prometheus_client import Histogram

from kernel.outcomes import Outcome
from kernel.telemetry import tracing

log = logging.getLogger(__name__)

SPACING_SECONDS = 0.002
fans = Histogram(
    "frontrow_batch_fans",
    "Fans served by one call in fastpath",
    ["kind"],
    buckets=(1, 2, 4, 8, 16, 32, 64, 128),
)

K = TypeVar("K")
Q = TypeVar("Q")
R = TypeVar("R")
_Waiting: TypeAlias = "tuple[Q, asyncio.Future[Outcome[R]], str]"


class Batcher(Generic[K, Q, R]):
    """Requests by key, served in batches of at most `most` (Note [Batches in flight]).

    `serve` is called with a key and its requests, and returns their outcomes in the same order.
    `kind` is a label of the metric. To be used on one event loop.
    """

    def __init__(
        self,
        serve: Callable[[K, Sequence[Q]], Awaitable[Sequence[Outcome[R]]]],
        *,
        most: int,
        kind: str,
    ) -> None:
        self._serve = serve
        self._fans = fans.labels(kind)
        self._most = most
        # A key stands here while a batch of it is under way.
        self._kind = kind
        self._waiting: dict[K, deque[_Waiting[Q, R]]] = {}
        self._serving: set[asyncio.Task[None]] = set()  # a loop keeps no task alive

    def submit(self, key: K, request: Q, traceparent: str = "") -> "asyncio.Future[Outcome[R]]":
        """Let a request wait for the next batch of `key`; the result is its outcome.

        `traceparent` is that of the request, for the batch's span.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Outcome[R]] = loop.create_future()
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = deque()
            # It begins with those whom this turn of the loop brings, too.
            serving = loop.create_task(self._serve_all(key, waiting))
            self._serving.add(serving)
            serving.add_done_callback(self._serving.discard)
        waiting.append((request, answered, traceparent))
        return answered

    async def _serve_all(self, key: K, waiting: "deque[_Waiting[Q, R]]") -> None:
        loop = asyncio.get_running_loop()
        while batch := self._next(waiting):
            next_at = loop.time() + SPACING_SECONDS
            requests = [request for request, _, _ in batch]
            self._fans.observe(len(requests))
            try:
                with tracing.batch_span(
                    f"batch of {self._kind}", [one for _, _, one in batch], batch=len(batch)
                ):
                    outcomes: Sequence[Outcome[R]] = await self._serve(key, requests)
            except Exception as error:
                log.exception("a batch was not served")
                outcomes = [error] * len(batch)
            for (_, answered, _), outcome in zip(batch, outcomes, strict=True):
                if not answered.done():
                    answered.set_result(outcome)
            pause = next_at - loop.time()
            if pause > 0:
                await asyncio.sleep(pause)
        del self._waiting[key]

    def _next(self, waiting: "deque[_Waiting[Q, R]]") -> "list[_Waiting[Q, R]]":
        batch: list[_Waiting[Q, R]] = []
        while waiting and len(batch) < self._most:
            one = waiting.popleft()
            if not one[1].done():
                batch.append(one)
        return batch
