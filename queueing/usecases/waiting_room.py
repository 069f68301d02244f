"""Joining, waiting, being admitted, leaving; and the tick that nobody depends on."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from prometheus_client import Counter
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError

from kernel import clock
from kernel.errors import DomainError
from kernel.rate_limiting.in_redis import Meter
from kernel.redis.breaker import PartUnavailable
from queueing import abuse, ended, policy, queries, tokens, upkeep
from queueing.brief_cache import BriefCache
from queueing.errors import (
    QueueNotRequired,
    QueueTokenExpired,
    QueueTokenInvalid,
    QueueTokenRequired,
)
from queueing.joining import Asked, redeem
from queueing.models import QueueConfig
from queueing.places import Place, place_of
from queueing.rebuild import answered, store
from queueing.replies import Reply, Status
from queueing.store import JoinTerms

log = logging.getLogger(__name__)
unfinished = Counter(
    "frontrow_queue_unfinished_total",
    "Places that were not freed at once because the queue server was away",
)

refusals = Counter("frontrow_queue_joins_refused_total", "Joins refused, by code", ["code"])

_NOT_FINISHED = (  # what asking and mending may meet
    PartUnavailable,
    RedisError,
    DomainError,
    DatabaseError,
    InterfaceError,
    PoolTimeout,
)


@dataclass(frozen=True, slots=True)
class Applicant:
    """What somebody brings to a join beside the login: where from, and what was shown."""

    address: str = ""
    is_staff: bool = False
    invitation_code: str | None = None
    challenge_response: str | None = None


@dataclass(frozen=True, slots=True)
class PublicStatus:
    """What everybody may know of a room, the same for everybody."""

    state: str
    serving: int
    waiting: int
    active: int
    rate_per_second: float
    poll_after_seconds: int = policy.PUBLIC_POLL_SECONDS
    stream_url: str | None = None


@dataclass(frozen=True, slots=True)
class Advanced:
    """What one tick did."""

    rooms: int
    admitted: int
    failed: int


_NOBODY_SPECIAL = Applicant()
_public: BriefCache[UUID, PublicStatus] = BriefCache(seconds=1.0)


def join(
    *,
    user_id: UUID,
    performance_id: UUID,
    token: str | None,
    now: datetime,
    applicant: Applicant = _NOBODY_SPECIAL,
    meter: Meter | None = None,
) -> Place:
    """Give the user a place, or the one there is; a token proves a place the server has lost.

    Staff and the invited are admitted at once while the room admits anybody, beyond its rate and
    capacity. Leaves on `meter` how far the caller's limit is.
    Raises PerformanceNotFound, QueueNotRequired, QueueNotOpen, QueueClosed, QueuePaused,
    QueueUnavailable, RateLimited, InvitationInvalid, InvitationUsedUp, ChallengeRequired,
    ChallengeFailed, TooManyAccounts.
    """
    try:
        proof = _proof_of_lost_place(token, user_id, performance_id, now)
        invited = applicant.is_staff
        if applicant.invitation_code is not None:
            redeem(
                applicant.invitation_code,
                user_id=user_id,
                performance_id=performance_id,
                now=now,
                meter=meter,
            )
            invited = True
        work = abuse.bits_shown(
            applicant.challenge_response, performance_id=performance_id, user_id=user_id, now=now
        )
        asked = Asked(user_id, performance_id, proof, clock.to_ms(now), meter)
        terms = JoinTerms(invited, work, False, applicant.address)
        reply = asked.join(terms)
        if reply.status is Status.CHALLENGE:
            challenge = abuse.challenge_of(
                reply.check,
                bits=reply.work_bits,
                performance_id=performance_id,
                user_id=user_id,
                now=now,
            )
            abuse.vouch(challenge, applicant.challenge_response, address=applicant.address)
            reply = asked.join(replace(terms, vouched=True))
        return place_of(
            reply,
            user_id=user_id,
            performance_id=performance_id,
            token=token,
            proof=proof,
            now=now,
        )
    except DomainError as refusal:
        refusals.labels(refusal.code).inc()
        raise


def poll(*, user_id: UUID, performance_id: UUID, token: str | None, now: datetime) -> Place:
    """Return the user's place; `token` is the join token or the pass.

    Raises QueueTokenRequired, QueueTokenInvalid, PerformanceNotFound, QueueNotRequired,
    QueueClosed (for those who still wait), QueueUnavailable.
    """
    if not token:
        raise QueueTokenRequired
    try:
        proof = tokens.verify(token, user_id=user_id, performance_id=performance_id, now=now)
    except QueueTokenExpired:
        proof = None  # proves no lost place any more, but the login still says who asks
    reply = Asked(user_id, performance_id, proof, clock.to_ms(now)).poll()
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
        reply = answered(
            performance_id=performance_id,
            now_ms=now_ms,
            ask=lambda: store.leave(performance_id=performance_id, user_id=user_id, now_ms=now_ms),
        )
    except QueueNotRequired:
        return  # nothing to leave
    _note_ended(reply, user_id, performance_id)


def finish(*, user_id: UUID, performance_id: UUID, now: datetime) -> None:
    """Free the place of a fan who has paid, and end the pass with it.

    Never raises: a session also ends by itself. One call, and one of the lock server where a place
    ended. A server that has lost the room learns it anew first, or the pass would bring the session
    back; where there is no room, that is remembered for a second.
    """
    now_ms = clock.to_ms(now)

    def ask() -> Reply:
        return store.finish(performance_id=performance_id, user_id=user_id, now_ms=now_ms)

    try:
        reply = ask()
        lost = reply.status is Status.COLD and (reply.birth or queries.is_required(performance_id))
        if lost or reply.status is Status.SUPERSEDED:
            reply = answered(performance_id=performance_id, now_ms=now_ms, ask=ask)
        _note_ended(reply, user_id, performance_id)
    except _NOT_FINISHED as error:
        unfinished.inc()
        log.warning("place not freed", extra={"error": repr(error)})


def _note_ended(reply: Reply, user_id: UUID, performance_id: UUID) -> None:
    """See Note [Ended places] in ended.py."""
    if reply.ended:
        ended.note(
            performance_id=performance_id,
            user_id=user_id,
            ended_ms=reply.ended_ms,
            letter=reply.ended,
        )


def public_status(*, performance_id: UUID, now: datetime) -> PublicStatus:
    """Return what everybody may know, at most a second old.

    Raises PerformanceNotFound, QueueNotRequired, QueueUnavailable.
    """
    return _public.get(performance_id, lambda: _public_status(performance_id, now))


def advance(*, now: datetime, limit: int = 500) -> Advanced:
    """Mirror the rules of the rooms that are due, bring open ones up to now, keep their progress.

    See Note [Ticks]. Raises PartUnavailable when the queue server is away.
    """
    upkeep.start_new_rooms(limit=limit)
    rooms = queries.rooms_to_tick(now=now, limit=limit)
    admitted = failed = 0
    to_schedule: list[QueueConfig] = []
    try:
        for config in rooms:
            turn = upkeep.Turn()
            try:
                turn = upkeep.look_after(config, now)
                admitted += turn.admitted
            except (DomainError, DatabaseError) as error:  # one room's trouble is not the others'
                failed += 1
                log.warning(
                    "room not advanced",
                    extra={"performance_id": str(config.performance_id), "error": repr(error)},
                )
            if not turn.is_scheduled:
                to_schedule.append(config)
    finally:
        upkeep.schedule(to_schedule, now)
    return Advanced(len(rooms), admitted, failed)


def _public_status(performance_id: UUID, now: datetime) -> PublicStatus:
    totals = upkeep.totals_of(performance_id, now)
    return PublicStatus(
        state=totals.phase,
        serving=totals.serving,
        waiting=totals.waiting,
        active=totals.active,
        rate_per_second=totals.rate,
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
