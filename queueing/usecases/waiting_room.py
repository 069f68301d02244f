"""Joining, waiting, being admitted, leaving; and the tick that nobody depends on."""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Greatest
from prometheus_client import Counter
from redis.exceptions import RedisError

from kernel import clock
from kernel.errors import DomainError
from kernel.redis.breaker import PartUnavailable
from queueing import pacing, policy, queries, tokens
from queueing.brief_cache import BriefCache
from queueing.errors import (
    QueueClosed,
    QueueNotOpen,
    QueueNotRequired,
    QueuePaused,
    QueueTokenExpired,
    QueueTokenInvalid,
    QueueTokenRequired,
    QueueUnavailable,
)
from queueing.models import QueueConfig, QueueProgress
from queueing.rebuild import answered, raise_ceiling, store
from queueing.store import PlaceState, Reply, Spot, Status, Totals

log = logging.getLogger(__name__)
unfinished = Counter(
    "frontrow_queue_unfinished_total",
    "Places that were not freed at once because the queue server was away",
)

_BATCHES_PER_ROOM = 20
_ADMITTED_POLL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Place:
    """A fan's place, as the API shows it. `ahead`, `position` mean something while WAITING."""

    token: str
    number: int
    state: PlaceState
    ahead: int
    eta_seconds: int
    poll_after_seconds: int
    admitted_until: datetime | None
    admission_pass: str | None
    created: bool

    @property
    def position(self) -> int:
        """Whose turn it is counts as position 1."""
        return self.ahead + 1


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


_public: BriefCache[UUID, PublicStatus] = BriefCache(seconds=1.0)


def join(*, user_id: UUID, performance_id: UUID, token: str | None, now: datetime) -> Place:
    """Give the user a place, or the one there is; a token proves a place the server has lost.

    Raises PerformanceNotFound, QueueNotRequired, QueueNotOpen, QueueClosed, QueuePaused,
    QueueUnavailable.
    """
    proof = None
    if token:
        try:
            proof = tokens.verify(token, user_id=user_id, performance_id=performance_id, now=now)
        except QueueTokenInvalid:
            proof = None  # an old or foreign token is no reason to refuse a new place
    now_ms = clock.to_ms(now)
    reply = answered(
        performance_id=performance_id,
        now_ms=now_ms,
        ask=lambda: store.join(
            performance_id=performance_id, user_id=user_id, proof=proof, now_ms=now_ms
        ),
    )
    return _place(reply, user_id, performance_id, token, proof, now)


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
    return _place(reply, user_id, performance_id, token, proof, now)


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
    """Free the place of a fan who has paid. Never raises: a session also ends by itself."""
    try:
        store.finish(performance_id=performance_id, user_id=user_id, now_ms=clock.to_ms(now))
    except (PartUnavailable, RedisError) as error:
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
    store.load_once()
    configs = queries.rooms_to_tick(now=now, limit=limit)
    admitted = failed = 0
    for config in configs:
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


def _place(
    reply: Reply,
    user_id: UUID,
    performance_id: UUID,
    token: str | None,
    proof: tokens.Proof | None,
    now: datetime,
) -> Place:
    spot = _spot_or_refusal(reply)
    admitted = spot.state is PlaceState.ADMITTED
    until = clock.from_ms(spot.until_ms) if admitted else None
    eta, poll_after = 0, _ADMITTED_POLL_SECONDS
    if spot.state is PlaceState.WAITING:
        eta = pacing.eta_seconds(spot)
        poll_after = pacing.poll_after_seconds(spot, eta=eta)
    return Place(
        token=_token(spot, user_id, performance_id, token, proof, now),
        number=spot.number,
        state=spot.state,
        ahead=spot.ahead,
        eta_seconds=eta,
        poll_after_seconds=poll_after,
        admitted_until=until,
        admission_pass=tokens.sign_pass(
            user_id=user_id,
            performance_id=performance_id,
            number=spot.number,
            epoch=spot.epoch,
            admitted_until=until,
            now=now,
        )
        if until
        else None,
        created=reply.status is Status.NEW,
    )


def _spot_or_refusal(reply: Reply) -> Spot:
    if reply.spot is not None:
        return reply.spot
    if reply.status is Status.NOT_OPEN:
        raise QueueNotOpen(queue_opens_at=clock.from_ms(reply.opens_ms))
    raise {
        Status.NOT_REQUIRED: QueueNotRequired,
        Status.PAUSED: QueuePaused,
        Status.CLOSED: QueueClosed,
        Status.UNKNOWN: QueueTokenInvalid,
    }.get(reply.status, QueueUnavailable)


def _token(
    spot: Spot,
    user_id: UUID,
    performance_id: UUID,
    token: str | None,
    proof: tokens.Proof | None,
    now: datetime,
) -> str:
    """Return the caller's own join token while it says the same, else a new one."""
    if (
        token
        and proof
        and proof.audience is tokens.Audience.TOKEN
        and (proof.number, proof.epoch) == (spot.number, spot.epoch)
        and (proof.expires_at - now).total_seconds() > policy.TOKEN_SECONDS / 2
    ):
        return token
    return tokens.sign_token(
        user_id=user_id,
        performance_id=performance_id,
        number=spot.number,
        epoch=spot.epoch,
        now=now,
    )
