"""Joining, waiting, being admitted, leaving; and the tick that nobody depends on."""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import DatabaseError, InterfaceError
from django.db.models import Value
from django.db.models.functions import Greatest
from prometheus_client import Counter
from psycopg_pool import PoolTimeout
from redis.exceptions import RedisError

from kernel import clock
from kernel.errors import DomainError
from kernel.redis.breaker import PartUnavailable
from kernel.redis.limits import Meter
from queueing import abuse, policy, queries, tokens
from queueing.brief_cache import BriefCache
from queueing.errors import (
    QueueNotRequired,
    QueueTokenExpired,
    QueueTokenInvalid,
    QueueTokenRequired,
    QueueUnavailable,
)
from queueing.joining import Asked, redeem
from queueing.models import QueueConfig, QueueProgress
from queueing.places import Place, place_of
from queueing.rebuild import answered, raise_ceiling, store
from queueing.replies import Reply, Status, Totals
from queueing.store import JoinTerms

log = logging.getLogger(__name__)
unfinished = Counter(
    "frontrow_queue_unfinished_total",
    "Places that were not freed at once because the queue server was away",
)

refusals = Counter("frontrow_queue_joins_refused_total", "Joins refused, by code", ["code"])

_BATCHES_PER_ROOM = 20
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
    now_ms = clock.to_ms(now)
    reply = answered(
        performance_id=performance_id,
        now_ms=now_ms,
        ask=lambda: store.poll(
            performance_id=performance_id, user_id=user_id, proof=proof, now_ms=now_ms
        ),
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
    """Give the place up; repeatable. Raises PerformanceNotFound, QueueUnavailable."""
    now_ms = clock.to_ms(now)
    try:
        answered(
            performance_id=performance_id,
            now_ms=now_ms,
            ask=lambda: store.leave(performance_id=performance_id, user_id=user_id, now_ms=now_ms),
        )
    except QueueNotRequired:
        return  # nothing to leave


def finish(*, user_id: UUID, performance_id: UUID, now: datetime) -> None:
    """Free the place of a fan who has paid. Never raises: a session also ends by itself.

    One call. A server that has lost the room learns it anew first, or the pass would bring the
    session back; where there is no room, that is remembered for a second.
    """
    now_ms = clock.to_ms(now)

    def ask() -> Reply:
        return store.finish(performance_id=performance_id, user_id=user_id, now_ms=now_ms)

    try:
        reply = ask()
        if reply.status is Status.COLD and (reply.birth or queries.is_required(performance_id)):
            answered(performance_id=performance_id, now_ms=now_ms, ask=ask)
    except _NOT_FINISHED as error:
        unfinished.inc()
        log.warning("place not freed", extra={"error": repr(error)})


def public_status(*, performance_id: UUID, now: datetime) -> PublicStatus:
    """Return what everybody may know, at most a second old.

    Raises PerformanceNotFound, QueueNotRequired, QueueUnavailable.
    """
    return _public.get(performance_id, lambda: _public_status(performance_id, now))


def advance(*, now: datetime, limit: int = 500) -> Advanced:
    """Mirror every room's rules, bring open rooms up to now, keep their progress in PostgreSQL.

    Raises PartUnavailable when the queue server is away.
    """
    configs = queries.rooms_to_tick(now=now, limit=limit)
    admitted = failed = 0
    for config in configs:
        if not config.performance.is_public():
            store.conceal(performance_id=config.performance_id)
            continue
        store.configure(config=config, now_ms=clock.to_ms(now))
        if not config.queue_required or now < config.queue_opens_at:
            continue
        try:
            admitted += _advance_room(config, now)
        except DomainError as error:  # one room's trouble is not the others'
            failed += 1
            log.warning(
                "room not advanced",
                extra={"performance_id": str(config.performance_id), "error": repr(error)},
            )
    return Advanced(len(configs), admitted, failed)


def _advance_room(config: QueueConfig, now: datetime) -> int:
    admitted = 0
    for _ in range(_BATCHES_PER_ROOM):
        totals = _totals(config.performance_id, now)
        admitted += totals.just_admitted
        if totals.just_admitted == 0:
            break
    _keep_progress(config, totals)
    return admitted


def _keep_progress(config: QueueConfig, totals: Totals) -> None:
    if totals.ceiling - totals.next < policy.NUMBER_BLOCK // 2:
        raise_ceiling(config.performance_id, epoch=totals.epoch, above=totals.ceiling)
    progress: QueueProgress | None = getattr(config.performance, "queue_progress", None)
    if progress is None or progress.serving < totals.serving:
        QueueProgress.objects.filter(performance_id=config.performance_id).update(
            serving=Greatest("serving", Value(totals.serving))
        )


def _public_status(performance_id: UUID, now: datetime) -> PublicStatus:
    totals = _totals(performance_id, now)
    return PublicStatus(
        state=totals.phase,
        serving=totals.serving,
        waiting=totals.waiting,
        active=totals.active,
        rate_per_second=totals.rate,
    )


def _totals(performance_id: UUID, now: datetime) -> Totals:
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
