"""Recovery: calls of the queue server that first give it what it lacks (rules, epoch, numbers).

The usual call costs one round trip and no SQL. A room the server doesn't know (nobody asked for it
yet, or it was lost with its data) is read from PostgreSQL once, by one thread of a process at a
time.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from prometheus_client import Counter

from kernel import clock
from kernel.db.transaction import transaction
from kernel.outcomes import Outcome, result_of
from kernel.redis.breaker import DependencyUnavailable
from queueing import operations, policy, queries
from queueing.errors import QueueUnavailable
from queueing.queue_server import queue_server
from queueing.replies import Reply, Status, TotalsReply

log = logging.getLogger(__name__)
Q = TypeVar("Q")
R = TypeVar("R", Reply, TotalsReply)

epochs = Counter(
    "frontrow_queue_epochs_total", "Epochs begun: server state made, or made again after a loss"
)
superseded = Counter(
    "frontrow_queue_superseded_total", "Rooms closed on a server whose epoch was over"
)

_RETRIES = 5
_UNREADY = frozenset({Status.COLD, Status.CEILING, Status.SUPERSEDED})
_RECOVERING = [threading.Lock() for _ in range(64)]  # striped by performance


def call_with_recovery(*, performance_id: UUID, now_ms: int, call: Callable[[], R]) -> R:
    """Return the reply to `call` once the server knows the room.

    Raises QueueUnavailable, and for a room that can't be: PerformanceNotFound, QueueNotRequired.
    """
    [outcome] = call_many_with_recovery(
        performance_id=performance_id, now_ms=now_ms, requests=[call], call=lambda _: [call()]
    )
    return result_of(outcome)


def call_many_with_recovery(
    *,
    performance_id: UUID,
    now_ms: int,
    requests: Sequence[Q],
    call: Callable[[Sequence[Q]], Sequence[Outcome[R]]],
) -> list[Outcome[R]]:
    """Return each request's outcome, in order, once the server knows the room.

    Who was served is not sent again, so nobody is given two numbers; the rest are, in their order,
    after one recovery for all of them. What ends it is their outcome: QueueUnavailable, an error of
    PostgreSQL, and for a room that can't be PerformanceNotFound, QueueNotRequired.
    """
    batch = _Batch(requests, call)
    try:
        batch.send()
        tries = 0
        while batch.unserved and tries < _RETRIES:
            before = len(batch.unserved)
            with _RECOVERING[hash(performance_id) % len(_RECOVERING)]:
                batch.send()  # another thread may have recovered it meanwhile
                if batch.unserved:
                    _recover(performance_id, batch.unserved_reply(), now_ms)
            batch.send()
            tries = 0 if len(batch.unserved) < before else tries + 1
    except DependencyUnavailable as error:
        unavailable = QueueUnavailable()
        unavailable.__cause__ = error
        return batch.ended_by(unavailable)
    except Exception as error:  # noqa: BLE001  (those served have their places; the rest raise it)
        return batch.ended_by(error)
    return batch.ended_by(QueueUnavailable())


class _Batch(Generic[Q, R]):
    """Requests, and what became of each so far; `unserved` are those still to be sent, by index."""

    def __init__(
        self, requests: Sequence[Q], call: Callable[[Sequence[Q]], Sequence[Outcome[R]]]
    ) -> None:
        self._requests = requests
        self._call: Callable[[Sequence[Q]], Sequence[Outcome[R]]] = call
        self._outcomes: dict[int, Outcome[R]] = {}
        self.unserved = list(range(len(requests)))

    def send(self) -> None:
        if not self.unserved:
            return
        outcomes = self._call([self._requests[i] for i in self.unserved])
        self._outcomes.update(zip(self.unserved, outcomes, strict=True))
        self.unserved = [
            i
            for i, outcome in zip(self.unserved, outcomes, strict=True)
            if not isinstance(outcome, Exception) and outcome.status in _UNREADY
        ]

    def unserved_reply(self) -> R:
        """Return why the first of those who are left was not served."""
        return result_of(self._outcomes[self.unserved[0]])

    def ended_by(self, error: Exception) -> list[Outcome[R]]:
        """Return all outcomes in order; `error` is that of those who are left."""
        left = set(self.unserved)
        return [error if i in left else self._outcomes[i] for i in range(len(self._requests))]


def _recover(performance_id: UUID, reply: Reply | TotalsReply, now_ms: int) -> None:
    if isinstance(reply, Reply) and reply.status is Status.CEILING:
        raise_ceiling(
            performance_id,
            epoch=reply.epoch,
            above=reply.ceiling,
            draws_at=clock.from_ms(now_ms) if reply.draws else None,
        )
    elif reply.status is Status.SUPERSEDED:
        _take_over(performance_id, reply.epoch, clock.from_ms(now_ms))
    elif reply.status is Status.COLD and reply.gap_id:
        _begin_epoch(performance_id, reply.gap_id, now_ms)
    elif reply.status is Status.COLD:
        config = queries.config_to_enter(performance_id)
        queue_server.mirror_config(config=config, now_ms=now_ms)


def raise_ceiling(
    performance_id: UUID, *, epoch: int, above: int, draws_at: datetime | None = None
) -> None:
    """Reserve another block of numbers, or at `draws_at` of the draw's, in PostgreSQL first."""
    with transaction():
        if draws_at is None:
            reserved = operations.raise_ceiling(
                performance_id=performance_id, epoch=epoch, above=above
            )
        else:
            reserved = operations.raise_draw(
                performance_id=performance_id, epoch=epoch, above=above, now=draws_at
            )
    if reserved is None:
        supersede(performance_id, epoch=epoch)
    else:
        queue_server.allow_numbers(performance_id=performance_id, epoch=epoch, reserved=reserved)


def supersede(performance_id: UUID, *, epoch: int) -> None:
    """Close the room on a server whose epoch is over (Note [One server a room])."""
    queue_server.supersede(performance_id=performance_id, epoch=epoch)
    superseded.inc()
    log.error(
        "queue server superseded", extra={"performance_id": str(performance_id), "epoch": epoch}
    )


def _take_over(performance_id: UUID, epoch: int, now: datetime) -> None:
    """Let a superseded server begin an epoch of its own, unless its successor is at work."""
    in_force = queries.epoch_in_force(performance_id)
    seen_at = in_force.advanced_at
    lately = now - timedelta(seconds=policy.SUCCESSOR_SECONDS)
    if in_force.number > epoch and seen_at is not None and seen_at > lately:
        raise QueueUnavailable
    queue_server.request_epoch(performance_id=performance_id, epoch=epoch)


def _begin_epoch(performance_id: UUID, gap_id: str, now_ms: int) -> None:
    """Begin an epoch; a caller who comes second gets the same one, and finds it begun."""
    with transaction():
        epoch = operations.open_epoch(performance_id=performance_id, gap_id=gap_id)
    queries.epochs_cache.drop(performance_id)
    outcome = queue_server.begin_epoch(
        performance_id=performance_id, gap_id=gap_id, epoch=epoch, now_ms=now_ms
    )
    if outcome == "BEGUN":
        with transaction():
            operations.record_epoch_begun(
                performance_id=performance_id, epoch=epoch.number, now=clock.from_ms(now_ms)
            )
        epochs.inc()
        log.warning(
            "queue epoch begun",
            extra={"performance_id": str(performance_id), "epoch": epoch.number},
        )
