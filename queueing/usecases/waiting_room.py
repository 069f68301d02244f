"""The waiting room's use cases: join, poll, leave, finish, public status, and the tick."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter
from redis.exceptions import RedisError

from kernel import clock
from kernel.caching.live_streams import stream_url
from kernel.caching.short_lived import ShortLivedCache
from kernel.db.failures import DATABASE_ERRORS
from kernel.errors import DomainError
from kernel.outcomes import Outcome, result_of
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.redis.breaker import DependencyUnavailable
from queueing import ended_places, queries, tokens, upkeep
from queueing.ended_places import EndedPlace
from queueing.errors import QueueNotRequired
from queueing.fan_batches import JoinBatch, PollBatch
from queueing.fan_requests import NOBODY_SPECIAL, Applicant, JoinRequest, PollRequest
from queueing.models import RoomState
from queueing.places import QueuePlace
from queueing.queue_server import queue_server
from queueing.recovery import call_with_recovery
from queueing.replies import Reply, Status
from queueing.room_status import PublicStatus

log = logging.getLogger(__name__)
unfinished = Counter(
    "frontrow_queue_unfinished_total",
    "Places that were not freed at once because the queue server was unavailable",
)

_NOT_FINISHED = (  # what a call and its recovery may meet
    DependencyUnavailable,
    RedisError,
    DomainError,
    *DATABASE_ERRORS,
)


@dataclass(frozen=True, slots=True)
class Advanced:
    """What one tick did."""

    rooms: int
    admitted: int
    failed: int


_public: ShortLivedCache[UUID, PublicStatus] = ShortLivedCache(seconds=1.0)


def join(
    *,
    user_id: UUID,
    performance_id: UUID,
    token: str | None,
    now: datetime,
    applicant: Applicant = NOBODY_SPECIAL,
    limit_status: RateLimitStatus | None = None,
) -> QueuePlace:
    """Give one user a place: a batch of one; raises what `join_many` says."""
    request = JoinRequest(user_id, token, applicant, limit_status)
    [outcome] = join_many(performance_id=performance_id, requests=[request], now=now)
    return result_of(outcome)


def join_many(
    *, performance_id: UUID, requests: Sequence[JoinRequest], now: datetime
) -> list[Outcome[QueuePlace]]:
    """Give each user a place, or return the one there is; a token proves a place that was lost.

    One call of the server (Note [Batches]); the order given is the order of the numbers. Staff and
    the invited are admitted at once while the room admits anybody, beyond its rate and capacity.
    Leaves on each `limit_status` how far the caller's limit is. An outcome is the place, or one of
    PerformanceNotFound, QueueNotRequired, QueueNotOpen, QueueClosed, QueuePaused, QueueUnavailable,
    RateLimited, InvitationInvalid, InvitationUsedUp, ChallengeRequired, ChallengeFailed,
    TooManyAccounts, or an error of a server. Raises ValueError for more than `policy.BATCH_FANS`.
    """
    return JoinBatch(performance_id, requests, now).outcomes()


def poll(
    *,
    user_id: UUID,
    performance_id: UUID,
    token: str | None,
    now: datetime,
    proof: tokens.Proof | None = None,
) -> QueuePlace:
    """Return one user's place: a batch of one; raises what `poll_many` says."""
    request = PollRequest(user_id, token, proof)
    [outcome] = poll_many(performance_id=performance_id, requests=[request], now=now)
    return result_of(outcome)


def poll_many(
    *, performance_id: UUID, requests: Sequence[PollRequest], now: datetime
) -> list[Outcome[QueuePlace]]:
    """Return each user's place, by one call of the server (Note [Batches]).

    An outcome is the place, or one of QueueTokenRequired, QueueTokenInvalid, PerformanceNotFound,
    QueueNotRequired, QueueClosed (for those who still wait), QueueUnavailable, or an error of a
    server. Raises ValueError for more than `policy.BATCH_FANS`.
    """
    return PollBatch(performance_id, requests, now).outcomes()


def leave(*, user_id: UUID, performance_id: UUID, now: datetime) -> None:
    """Give the place up, and with it the pass; repeatable.

    Raises PerformanceNotFound, QueueUnavailable.
    """
    now_ms = clock.to_ms(now)
    try:
        reply = call_with_recovery(
            performance_id=performance_id,
            now_ms=now_ms,
            call=lambda: queue_server.leave(
                performance_id=performance_id, user_id=user_id, now_ms=now_ms
            ),
        )
    except QueueNotRequired:
        return  # nothing to leave
    ended_places.record_ends(performance_id=performance_id, ends=_ends([(user_id, reply)]))


def finish(*, user_ids: Sequence[UUID], performance_id: UUID, now: datetime) -> None:
    """Free the places of fans who have paid, and end their passes with them.

    Never raises: a session also ends by itself. One call, and one of the lock server where places
    ended. A server that has lost the room recovers it first, or the passes would bring the sessions
    back; where there is no room, that is cached for a second.
    """
    now_ms = clock.to_ms(now)
    outcomes: Sequence[Outcome[Reply]]
    try:
        outcomes = queue_server.finish_many(
            performance_id=performance_id, user_ids=user_ids, now_ms=now_ms
        )
    except _NOT_FINISHED as error:
        outcomes = [error] * len(user_ids)
    replies: list[tuple[UUID, Reply]] = []
    for user_id, outcome in zip(user_ids, outcomes, strict=True):
        try:
            reply = result_of(outcome)
            if _has_lost_room(reply, performance_id):
                reply = _finish_with_recovery(performance_id, user_id, now_ms)
            replies.append((user_id, reply))
        except _NOT_FINISHED as error:
            unfinished.inc()
            log.warning("place not freed", extra={"error": repr(error)})
    ended_places.record_ends(performance_id=performance_id, ends=_ends(replies))


def _has_lost_room(reply: Reply, performance_id: UUID) -> bool:
    if reply.status is Status.COLD:
        return bool(reply.gap_id) or queries.is_required(performance_id)
    return reply.status is Status.SUPERSEDED


def _finish_with_recovery(performance_id: UUID, user_id: UUID, now_ms: int) -> Reply:
    def call() -> Reply:
        [outcome] = queue_server.finish_many(
            performance_id=performance_id, user_ids=[user_id], now_ms=now_ms
        )
        return result_of(outcome)

    return call_with_recovery(performance_id=performance_id, now_ms=now_ms, call=call)


def _ends(replies: Sequence[tuple[UUID, Reply]]) -> list[EndedPlace]:
    """Return the places that are over by these replies (Note [Ended places])."""
    return [
        EndedPlace(user_id, reply.ended_ms, reply.ended_as)
        for user_id, reply in replies
        if reply.ended_as
    ]


def known_status(performance_id: UUID) -> PublicStatus | None:
    """Return what `public_status` would say, where this process knows it; calls no server."""
    return _public.peek(performance_id)


def public_status(*, performance_id: UUID, now: datetime) -> PublicStatus:
    """Return the public facts, at most a second old.

    Raises PerformanceNotFound, QueueNotRequired, QueueUnavailable.
    """
    return _public.get(performance_id, lambda: _public_status(performance_id, now))


def advance(*, now: datetime, limit: int = 500) -> Advanced:
    """Mirror the rules of the rooms that are due, bring open ones up to now, keep their progress.

    See Note [Ticks]. Raises DependencyUnavailable while the queue server is unavailable.
    """
    upkeep.start_new_rooms(limit=limit, now=now)
    rooms = queries.rooms_to_tick(now=now, limit=limit)
    turns: list[upkeep.Turn] = []
    try:
        for config in rooms:
            turns.append(upkeep.take_turn(config, now))  # noqa: PERF401  (kept if one raises)
    finally:
        upkeep.schedule(turns, now)
    return Advanced(
        rooms=len(rooms),
        admitted=sum(turn.admitted for turn in turns),
        failed=sum(turn.has_failed for turn in turns),
    )


def _public_status(performance_id: UUID, now: datetime) -> PublicStatus:
    totals = upkeep.public_totals_of(performance_id, now)
    will_open = totals.state == RoomState.PRESALE
    return PublicStatus(
        state=totals.state,
        serving=totals.serving,
        waiting=totals.waiting,
        active=totals.active,
        rate_per_second=totals.rate,
        as_of=now,
        admission_opens_at=clock.from_ms(totals.admits_from_ms) if will_open else None,
        stream_url=stream_url(performance_id, "queue"),
    )
