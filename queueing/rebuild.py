"""Ask the queue server, and mend what it lacks: rules, an epoch, numbers.

The usual call costs one round trip and no SQL. A room the server doesn't know (never asked for,
or lost with its data) is read from PostgreSQL once, by one thread of a process at a time.
"""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from prometheus_client import Counter

from kernel.db.transaction import transaction
from kernel.redis.breaker import PartUnavailable
from queueing import operations, queries
from queueing.errors import QueueUnavailable
from queueing.replies import Reply, Status, TotalsReply
from queueing.store import WaitingRoomStore

log = logging.getLogger(__name__)
R = TypeVar("R", Reply, TotalsReply)

epochs = Counter("frontrow_queue_epochs_total", "Epochs begun: server state made or made anew")

_ATTEMPTS = 5
_MENDING = [threading.Lock() for _ in range(64)]  # striped by performance

store = WaitingRoomStore()


def answered(*, performance_id: UUID, now_ms: int, ask: Callable[[], R]) -> R:
    """Return what `ask` answers once the server knows the room.

    Raises QueueUnavailable, and for a room that can't be: PerformanceNotFound, QueueNotRequired.
    """
    try:
        reply = ask()
        for _ in range(_ATTEMPTS):
            if reply.status not in (Status.COLD, Status.CEILING):
                return reply
            with _MENDING[hash(performance_id) % len(_MENDING)]:
                reply = ask()  # another thread may have mended it meanwhile
                _mend(performance_id, reply, now_ms)
            if reply.status in (Status.COLD, Status.CEILING):
                reply = ask()
    except PartUnavailable as error:
        raise QueueUnavailable from error
    if reply.status in (Status.COLD, Status.CEILING):
        raise QueueUnavailable
    return reply


def _mend(performance_id: UUID, reply: Reply | TotalsReply, now_ms: int) -> None:
    if isinstance(reply, Reply) and reply.status is Status.CEILING:
        reserve = raise_draw if reply.draws else raise_ceiling
        reserve(performance_id, epoch=reply.epoch, above=reply.ceiling)
    elif reply.status is Status.COLD and reply.birth:
        _begin(performance_id, reply.birth, now_ms)
    elif reply.status is Status.COLD:
        store.configure(config=queries.config_to_enter(performance_id), now_ms=now_ms)


def raise_ceiling(performance_id: UUID, *, epoch: int, above: int) -> None:
    """Reserve another block of numbers, in PostgreSQL first."""
    with transaction():
        reserved = operations.raise_ceiling(performance_id=performance_id, above=above)
    store.allow(performance_id=performance_id, epoch=epoch, reserved=reserved)


def raise_draw(performance_id: UUID, *, epoch: int, above: int) -> None:
    """Reserve another block of the draw's numbers, in PostgreSQL first."""
    with transaction():
        reserved = operations.raise_draw(performance_id=performance_id, above=above)
    store.allow(performance_id=performance_id, epoch=epoch, reserved=reserved)


def _begin(performance_id: UUID, birth: str, now_ms: int) -> None:
    """Begin an epoch; whoever comes second wastes a block of numbers, which is only a gap."""
    with transaction():
        epoch = operations.open_epoch(performance_id=performance_id)
    outcome = store.begin(performance_id=performance_id, birth=birth, epoch=epoch, now_ms=now_ms)
    if outcome == "BEGUN":
        epochs.inc()
        log.warning(
            "queue epoch begun",
            extra={"performance_id": str(performance_id), "epoch": epoch.number},
        )
