"""One room's turn in a tick, and when its next turn is due.

Note [Ticks]
A tick brings rooms up to now, mirrors their rules and keeps in PostgreSQL what must outlive the
queue server. It has a bounded number of turns, so each room has a moment from which its next turn
is due (`QueueProgress.advance_due_at`), and the longest overdue goes first: none starves, however
many there are. Rooms where somebody waits or shops, or that open now, are due again at the next
tick, also after a turn that failed; the others after `policy.IDLE_TICK_SECONDS`; those of
performances that are over after a day. A change of the rules makes a room due at once.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import DatabaseError

from kernel import clock
from kernel.db.transaction import transaction
from kernel.errors import DomainError
from queueing import drawn_places, operations, policy, queries
from queueing.errors import QueueNotRequired, QueueUnavailable
from queueing.models import QueueConfig, RoomState
from queueing.queue_server import queue_server
from queueing.recovery import call_with_recovery, raise_ceiling, supersede
from queueing.replies import Status, Totals, TotalsReply

log = logging.getLogger(__name__)

_BATCHES_PER_ROOM = 20
_OPENING = timedelta(minutes=5)
_IDLE = timedelta(seconds=policy.IDLE_TICK_SECONDS)


class Turn(NamedTuple):
    """A room's turn; `is_scheduled` where it has set itself when the next one is due."""

    config: QueueConfig
    admitted: int = 0
    is_scheduled: bool = False
    has_failed: bool = False


def totals_of(performance_id: UUID, now: datetime) -> Totals:
    """Bring a room up to now (one bounded batch) and return how it stands.

    Raises PerformanceNotFound, QueueNotRequired, QueueUnavailable.
    """
    return _totals(queue_server.tick, performance_id, now)


def public_totals_of(performance_id: UUID, now: datetime) -> Totals:
    """Do the same, with when the room admits from; raises the same."""
    return _totals(queue_server.public_status, performance_id, now)


def _totals(call: Callable[..., TotalsReply], performance_id: UUID, now: datetime) -> Totals:
    now_ms = clock.to_ms(now)
    reply = call_with_recovery(
        performance_id=performance_id,
        now_ms=now_ms,
        call=lambda: call(performance_id=performance_id, now_ms=now_ms),
    )
    if reply.status is Status.NOT_REQUIRED:
        raise QueueNotRequired
    if reply.totals is None:
        raise QueueUnavailable
    return reply.totals


def _is_over(config: QueueConfig, now: datetime) -> bool:
    """Return whether the performance is long over, so that nobody waits for it."""
    return config.performance.starts_at <= now - policy.OVER_AFTER


def take_turn(config: QueueConfig, now: datetime) -> Turn:
    """Mirror a room's rules and, where it is open, bring it up to now and keep its progress.

    One room's trouble is logged, not raised: it is not the others'. Raises DependencyUnavailable.
    """
    try:
        return _take_turn(config, now)
    except (DomainError, DatabaseError) as error:
        log.warning(
            "room not advanced",
            extra={"performance_id": str(config.performance_id), "error": repr(error)},
        )
        return Turn(config, has_failed=True)


def _take_turn(config: QueueConfig, now: datetime) -> Turn:
    if _is_over(config, now):
        return Turn(config)
    if not config.performance.is_public():
        queue_server.drop_config(performance_id=config.performance_id)
        return Turn(config)
    queue_server.mirror_config(config=config, now_ms=clock.to_ms(now))
    if not config.queue_required or now < config.queue_opens_at:
        return Turn(config)
    admitted = 0
    for _ in range(_BATCHES_PER_ROOM):
        totals = totals_of(config.performance_id, now)
        admitted += totals.just_admitted
        if totals.just_admitted == 0:
            break
    return Turn(config, admitted, is_scheduled=_keep_progress(config, totals, now))


def schedule(turns: Sequence[Turn], now: datetime) -> None:
    """Set when rooms have their next turn, where the turn has not done so itself (Note [Ticks])."""
    due: dict[datetime, list[UUID]] = {}
    for turn in turns:
        if not turn.is_scheduled:
            due.setdefault(_due_at(turn, now), []).append(turn.config.performance_id)
    if not due:
        return
    with transaction():
        for due_at, performance_ids in due.items():
            operations.schedule_ticks(performance_ids=performance_ids, due_at=due_at)


def start_new_rooms(*, limit: int, now: datetime) -> None:
    """Make rooms due that nobody has joined or looked after yet, and commit to their draws."""
    new = queries.rooms_without_progress(limit=limit)
    if new:
        with transaction():
            operations.start_progress(performance_ids=new, now=now)


def _due_at(turn: Turn, now: datetime) -> datetime:
    config = turn.config
    if _is_over(config, now):
        return now + timedelta(seconds=policy.OVER_TICK_SECONDS)
    crowd = config.performance.queue_progress.crowd
    return now if turn.has_failed and _is_busy(config, crowd, now) else now + _IDLE


def _is_busy(config: QueueConfig, crowd: int, now: datetime) -> bool:
    return crowd > 0 or abs(now - config.admits_from) < _OPENING


def _may_draw(config: QueueConfig) -> bool:
    """Return whether numbers may have been drawn since the last turn."""
    progress = config.performance.queue_progress
    may_have_begun = config.state == RoomState.PRESALE or bool(progress.draw_seed)
    return may_have_begun and not progress.draw_is_over


def _keep_progress(config: QueueConfig, totals: Totals, now: datetime) -> bool:
    """Keep how far a room is; false where the server's epoch is over."""
    if totals.ceiling - totals.next < policy.NUMBER_BLOCK // 2:
        raise_ceiling(config.performance_id, epoch=totals.epoch, above=totals.ceiling)
    crowd = totals.waiting + totals.active
    drawn = 0
    if _may_draw(config):
        drawn = drawn_places.count(config.performance_id)
    with transaction():
        kept = operations.keep_progress(
            performance_id=config.performance_id,
            epoch=totals.epoch,
            serving=totals.serving,
            crowd=crowd,
            drawn=drawn,
            grace=timedelta(seconds=config.grace_seconds),
            due_at=now if _is_busy(config, crowd, now) else now + _IDLE,
            now=now,
        )
    if not kept and queries.epoch_now(config.performance_id) > totals.epoch:
        supersede(config.performance_id, epoch=totals.epoch)
    return kept
