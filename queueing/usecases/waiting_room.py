"""The waiting room's use cases: join, poll, leave, finish, public status, and the tick."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from prometheus_client import Counter
from redis.exceptions import RedisError

from kernel import clock
from kernel.caching.short_lived import ShortLivedCache
from kernel.db.failures import DATABASE_ERRORS
from kernel.errors import DomainError
from kernel.rate_limiting.headers import RateLimitStatus
from kernel.redis.breaker import DependencyUnavailable
from queueing import abuse, ended_places, join_request, policy, queries, tokens, upkeep
from queueing.errors import (
    QueueNotRequired,
    QueueTokenExpired,
    QueueTokenInvalid,
    QueueTokenRequired,
)
from queueing.join_request import JoinRequest
from queueing.models import RoomState
from queueing.places import QueuePlace, place_of
from queueing.queue_server import JoinTerms, queue_server
from queueing.recovery import call_with_recovery
from queueing.replies import Reply, Status

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
class Applicant:
    """What somebody brings to a join beside the login: where from, and what was shown."""

    client_ip: str = ""
    is_staff: bool = False
    invitation_code: str | None = None
    challenge_response: str | None = None


@dataclass(frozen=True, slots=True)
class PublicStatus:
    """The public facts of a room, the same for everybody, at least as recent as `as_of`.

    `admission_opens_at`: when a PRESALE room begins to admit; None in any other state.
    """

    state: str
    serving: int
    waiting: int
    active: int
    rate_per_second: float
    as_of: datetime
    admission_opens_at: datetime | None
    poll_after_seconds: int = policy.PUBLIC_POLL_SECONDS
    stream_url: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the document that the API sends (described by `PublicStatusSerializer`)."""
        opens_at = self.admission_opens_at
        return {
            "state": self.state,
            "serving": self.serving,
            "waiting": self.waiting,
            "active": self.active,
            "rate_per_second": self.rate_per_second,
            "poll_after_seconds": self.poll_after_seconds,
            "as_of": clock.as_text(self.as_of),
            "admission_opens_at": opens_at and clock.as_text(opens_at),
            "stream_url": self.stream_url,
        }


@dataclass(frozen=True, slots=True)
class Advanced:
    """What one tick did."""

    rooms: int
    admitted: int
    failed: int


_NOBODY_SPECIAL = Applicant()
_public: ShortLivedCache[UUID, PublicStatus] = ShortLivedCache(seconds=1.0)


def join(
    *,
    user_id: UUID,
    performance_id: UUID,
    token: str | None,
    now: datetime,
    applicant: Applicant = _NOBODY_SPECIAL,
    limit_status: RateLimitStatus | None = None,
) -> QueuePlace:
    """Give the user a place, or return the one there is; a token proves a place that was lost.

    Staff and the invited are admitted at once while the room admits anybody, beyond its rate and
    capacity. Leaves on `limit_status` how far the caller's limit is.
    Raises PerformanceNotFound, QueueNotRequired, QueueNotOpen, QueueClosed, QueuePaused,
    QueueUnavailable, RateLimited, InvitationInvalid, InvitationUsedUp, ChallengeRequired,
    ChallengeFailed, TooManyAccounts.
    """
    try:
        proof = _proof_of_lost_place(token, user_id, performance_id, now)
        if applicant.invitation_code is not None:
            join_request.redeem_invitation(
                applicant.invitation_code,
                user_id=user_id,
                performance_id=performance_id,
                now=now,
                limit_status=limit_status,
            )
        request = JoinRequest(user_id, performance_id, proof, clock.to_ms(now), limit_status)
        return place_of(
            _send(request, applicant, now),
            user_id=user_id,
            performance_id=performance_id,
            token=token,
            proof=proof,
            now=now,
        )
    except DomainError as refusal:
        refusals.labels(refusal.code).inc()
        raise


def _send(request: JoinRequest, applicant: Applicant, now: datetime) -> Reply:
    """Send the join; where the room wants a service's word, get that first and send it again."""
    whose: dict[str, Any] = {
        "performance_id": request.performance_id,
        "user_id": request.user_id,
        "now": now,
    }
    terms = JoinTerms(
        invited=applicant.is_staff or applicant.invitation_code is not None,
        work_bits=abuse.bits_shown(applicant.challenge_response, **whose),
        client_ip=applicant.client_ip,
    )
    reply = request.send(terms)
    if reply.status is not Status.CHALLENGE:
        return reply
    challenge = abuse.challenge_of(reply.check, bits=reply.work_bits, **whose)
    abuse.verify_response(challenge, applicant.challenge_response, client_ip=applicant.client_ip)
    return request.send(replace(terms, vouched=True))


def poll(*, user_id: UUID, performance_id: UUID, token: str | None, now: datetime) -> QueuePlace:
    """Return the user's place; `token` is the join token or the pass.

    Raises QueueTokenRequired, QueueTokenInvalid, PerformanceNotFound, QueueNotRequired,
    QueueClosed (for those who still wait), QueueUnavailable.
    """
    if not token:
        raise QueueTokenRequired
    try:
        proof = tokens.verify(token, user_id=user_id, performance_id=performance_id, now=now)
    except QueueTokenExpired:
        proof = None  # proves no lost place any more, but the login still says who polls
    reply = join_request.poll(
        user_id=user_id, performance_id=performance_id, proof=proof, now_ms=clock.to_ms(now)
    )
    return place_of(
        reply,
        user_id=user_id,
        performance_id=performance_id,
        token=token,
        proof=proof,
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


def _proof_of_lost_place(
    token: str | None, user_id: UUID, performance_id: UUID, now: datetime
) -> tokens.Proof | None:
    """Return what a join's token proves; an old or foreign one is no reason to refuse a place."""
    if not token:
        return None
    try:
        return tokens.verify(token, user_id=user_id, performance_id=performance_id, now=now)
    except QueueTokenInvalid:
        return None
