"""The waiting room's use cases: join, poll, leave, finish, public status, and the tick."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter
from redis.exceptions import RedisError

from kernel import clock
from kernel.caching.short_lived import ShortLivedCache
from kernel.db.failures import DATABASE_ERRORS
from kernel.errors import DomainError
from kernel.outcomes import Outcome, outcome_of, result_of
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.redis.breaker import DependencyUnavailable
from queueing import ended_places, join_request, queries, tokens, upkeep
from queueing.errors import QueueNotRequired
from queueing.fan_requests import NOBODY_SPECIAL, Applicant, JoinRequest, PollRequest
from queueing.models import RoomState
from queueing.places import QueuePlace, place_of
from queueing.queue_server import FanCall, check_size, queue_server
from queueing.recovery import call_with_recovery
from queueing.replies import Reply, Status
from queueing.room_status import PublicStatus

log = logging.getLogger(__name__)
unfinished = Counter(
    "frontrow_queue_unfinished_total",
    "Places that were not freed at once because the queue server was unavailable",
)

refusals = Counter("frontrow_queue_joins_refused_total", "Joins refused, by code", ["code"])

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
    check_size(requests)
    calls = [
        outcome_of(join_request.join_call, request, performance_id=performance_id, now=now)
        for request in requests
    ]
    outcomes = [
        outcome_of(_place, request, fan, reply, performance_id, now)
        for request, fan, reply in zip(
            requests, calls, _send_joins(requests, calls, performance_id, now), strict=True
        )
    ]
    for outcome in outcomes:
        if isinstance(outcome, DomainError):
            refusals.labels(outcome.code).inc()
    return outcomes


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
    check_size(requests)
    calls = [
        outcome_of(join_request.poll_call, request, performance_id=performance_id, now=now)
        for request in requests
    ]
    replies = join_request.send_polls(calls, performance_id=performance_id, now_ms=clock.to_ms(now))
    return [
        outcome_of(_place, request, fan, reply, performance_id, now)
        for request, fan, reply in zip(requests, calls, replies, strict=True)
    ]


def _send_joins(
    requests: Sequence[JoinRequest],
    calls: Sequence[Outcome[FanCall]],
    performance_id: UUID,
    now: datetime,
) -> list[Outcome[Reply]]:
    """Send the joins; where the room wants a service's word, get that first and send them again."""
    now_ms = clock.to_ms(now)
    replies = join_request.send_joins(calls, performance_id=performance_id, now_ms=now_ms)
    vouched: dict[int, Outcome[FanCall]] = {}
    for i, (request, fan, reply) in enumerate(zip(requests, calls, replies, strict=True)):
        if isinstance(fan, Exception) or isinstance(reply, Exception):
            continue
        if reply.status is Status.CHALLENGE:
            vouched[i] = outcome_of(
                join_request.vouched_call,
                request,
                fan,
                reply,
                performance_id=performance_id,
                now=now,
            )
    if vouched:
        again = join_request.send_joins(
            list(vouched.values()), performance_id=performance_id, now_ms=now_ms
        )
        for i, reply in zip(vouched, again, strict=True):
            replies[i] = reply
    return replies


def _place(
    request: JoinRequest | PollRequest,
    fan: Outcome[FanCall],
    reply: Outcome[Reply],
    performance_id: UUID,
    now: datetime,
) -> QueuePlace:
    return place_of(
        result_of(reply),
        user_id=request.user_id,
        performance_id=performance_id,
        token=request.token,
        proof=result_of(fan).proof,
        now=now,
    )


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
    _record_end(reply, user_id, performance_id)


def finish(*, user_id: UUID, performance_id: UUID, now: datetime) -> None:
    """Free the place of a fan who has paid, and end the pass with it.

    Never raises: a session also ends by itself. One call, and one of the lock server where a place
    ended. A server that has lost the room recovers it first, or the pass would bring the session
    back; where there is no room, that is cached for a second.
    """
    now_ms = clock.to_ms(now)

    def call() -> Reply:
        return queue_server.finish(performance_id=performance_id, user_id=user_id, now_ms=now_ms)

    try:
        reply = call()
        lost = reply.status is Status.COLD and (reply.gap_id or queries.is_required(performance_id))
        if lost or reply.status is Status.SUPERSEDED:
            reply = call_with_recovery(performance_id=performance_id, now_ms=now_ms, call=call)
        _record_end(reply, user_id, performance_id)
    except _NOT_FINISHED as error:
        unfinished.inc()
        log.warning("place not freed", extra={"error": repr(error)})


def _record_end(reply: Reply, user_id: UUID, performance_id: UUID) -> None:
    """See Note [Ended places] in ended_places.py."""
    if reply.ended_as:
        ended_places.record_end(
            performance_id=performance_id,
            user_id=user_id,
            ended_ms=reply.ended_ms,
            state_code=reply.ended_as,
        )


def public_status(*, performance_id: UUID, now: datetime) -> PublicStatus:
    """Return the public facts, at most a second old.

    Raises PerformanceNotFound, QueueNotRequired, QueueUnavailable.
    """
    return _public.get(performance_id, lambda: _public_status(performance_id, now))


def advance(*, now: datetime, limit: int = 500) -> Advanced:
    """Mirror the rules of the rooms that are due, bring open ones up to now, keep their progress.

    See Note [Ticks]. Raises DependencyUnavailable while the queue server is unavailable.
    """
    upkeep.start_new_rooms(limit=limit)
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
    )
