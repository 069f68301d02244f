"""Batches that run in threads: who can be decided at once is, who would make others wait is not.

Note [Decided at once]
A batch is one call of a use case in a thread, and one batch of its kind is under way at a time. It
waits for no lock. Whom it can't decide without waiting it returns undecided, and each of those goes
on in a thread of its own, to the end even if the client has left: it may have begun. So the batch
is as long as its statements take, and who meets a lock, an error or an effect of an earlier
execution makes nobody else wait.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from fastpath.batcher import Batcher
from kernel.db.release import connections_released
from kernel.outcomes import Outcome, Undecided
from kernel.telemetry import context, tracing

Q = TypeVar("Q")
R = TypeVar("R")

_ALL = None  # the key of the batches: all requests of a kind share them


@dataclass(frozen=True, slots=True)
class Threads:
    """Where batches run, and where who goes alone waits, so that they hold up nobody else."""

    batches: Executor
    alone: Executor


_Decided: TypeAlias = "asyncio.Future[Outcome[R]]"


class BatchesAtOnce(Generic[Q, R]):
    """Requests to a use case, in batches of at most `most`; to be used on one event loop.

    `serve` takes the requests of a batch and returns for each its outcome or what is undecided, in
    the same order. `kind` is a label of the batches' metric.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Q]], Sequence[Outcome[R] | Undecided[R]]],
        threads: Threads,
        *,
        most: int,
        kind: str,
    ) -> None:
        self._serve = serve
        self._threads = threads
        self._batches: Batcher[None, Q, R | _Decided[R]] = Batcher(
            self._serve_at_once, most=most, kind=kind
        )

    async def submit(self, request: Q) -> Outcome[R]:
        """Let a request be decided, in the next batch or after it."""
        decision = await self._batches.submit(_ALL, request, context.current().traceparent)
        if isinstance(decision, asyncio.Future):
            return await asyncio.shield(decision)
        return decision

    async def _serve_at_once(
        self, _key: None, requests: Sequence[Q]
    ) -> "Sequence[Outcome[R | _Decided[R]]]":
        loop = asyncio.get_running_loop()
        serve = partial(self._released, requests)
        if tracing.is_on():  # what the batch does is a part of its span
            serve = partial(copy_context().run, serve)
        decisions = await loop.run_in_executor(self._threads.batches, serve)
        return [
            loop.run_in_executor(self._threads.alone, _decide, one)
            if isinstance(one, Undecided)
            else one
            for one in decisions
        ]

    @connections_released()
    def _released(self, requests: Sequence[Q]) -> Sequence[Outcome[R] | Undecided[R]]:
        return self._serve(requests)


@connections_released()
def _decide(one: Undecided[R]) -> Outcome[R]:
    return one.decide()
