"""One room's turn in a tick, and when its next one is.

Note [Ticks]
A tick brings rooms up to now, mirrors their rules and keeps in PostgreSQL what must outlive the
queue server. It has a bounded number of turns, so each room has a moment from which its next turn
is due (`QueueProgress.advance_due_at`), and the longest overdue goes first: none starves, however
many there are. Rooms where somebody waits or shops, or that open now, are due again at the next
tick; the others after `policy.IDLE_TICK_SECONDS`; those of evenings that are over after a day. A
change of the rules makes a room due at once.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from kernel import clock
from kernel.db.transaction import transaction
from queueing import operations, policy, queries
from queueing.errors import QueueNotRequired, QueueUnavailable
from queueing.models import QueueConfig
from queueing.rebuild import answered, raise_ceiling, store, supersede
from queueing.replies import Status, Totals

_BATCHES_PER_ROOM = 20
_OPENING = timedelta(minutes=5)
_IDLE = timedelta(seconds=policy.IDLE_TICK_SECONDS)


class Turn(NamedTuple):
    """What became of a room's turn, and whether it said itself when the next one is due."""

    admitted: int = 0
    is_scheduled: bool = False


def totals_of(performance_id: UUID, now: datetime) -> Totals:
    """Bring a room up to now (one bounded batch) and return how it stands.

    Raises PerformanceNotFound, QueueNotRequired, QueueUnavailable.
    """
    now_ms = clock.to_ms(now)
    reply = answered(
        performance_id=performance_id,
        now_ms=now_ms,
        ask=lambda: store.tick(performance_id=performance_id, now_ms=now_ms),
    )
    if reply.status is Status.NOT_REQUIRED:
        raise QueueNotRequired
    if reply.totals is None:
        raise QueueUnavailable
    return reply.totals


def is_over(config: QueueConfig, now: datetime) -> bool:
    """Say whether the evening is long over, so that nobody waits for it."""
    return config.performance.starts_at <= now - timedelta(days=1)


def look_after(config: QueueConfig, now: datetime) -> Turn:
    """Mirror a room's rules and, where it is open, bring it up to now and keep its progress.

    Raises PartUnavailable, QueueUnavailable.
    """
    if is_over(config, now):
        return Turn()
    if not config.performance.is_public():
        store.conceal(performance_id=config.performance_id)
        return Turn()
    store.configure(config=config, now_ms=clock.to_ms(now))
    if not config.queue_required or now < config.queue_opens_at:
        return Turn()
    admitted = 0
    for _ in range(_BATCHES_PER_ROOM):
        totals = totals_of(config.performance_id, now)
        admitted += totals.just_admitted
        if totals.just_admitted == 0:
            break
    return Turn(admitted, is_scheduled=_keep(config, totals, now))


def schedule(rooms: Sequence[QueueConfig], now: datetime) -> None:
    """Say when these rooms have their next turn: those whose turn has not said it itself."""
    if not rooms:
        return
    over = [room.performance_id for room in rooms if is_over(room, now)]
    others = [room.performance_id for room in rooms if not is_over(room, now)]
    with transaction():
        operations.schedule_ticks(performance_ids=others, due_at=now + _IDLE)
        operations.schedule_ticks(
            performance_ids=over, due_at=now + timedelta(seconds=policy.OVER_TICK_SECONDS)
        )


def start_new_rooms(*, limit: int) -> None:
    """See that rooms nobody has joined or looked after yet are due, too."""
    new = queries.rooms_without_progress(limit=limit)
    if new:
        with transaction():
            operations.start_progress(performance_ids=new)


def _keep(config: QueueConfig, totals: Totals, now: datetime) -> bool:
    """Keep how far a room is; false where the server's epoch is over."""
    if totals.ceiling - totals.next < policy.NUMBER_BLOCK // 2:
        raise_ceiling(config.performance_id, epoch=totals.epoch, above=totals.ceiling)
    crowd = totals.waiting + totals.active
    is_opening = abs(now - config.admits_from) < _OPENING
    with transaction():
        kept = operations.keep_progress(
            performance_id=config.performance_id,
            epoch=totals.epoch,
            serving=totals.serving,
            crowd=crowd,
            grace=timedelta(seconds=config.grace_seconds),
            due_at=now if crowd or is_opening else now + _IDLE,
            now=now,
        )
    if not kept and queries.epoch_now(config.performance_id) > totals.epoch:
        supersede(config.performance_id, epoch=totals.epoch)
    return kept
