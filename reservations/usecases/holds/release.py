"""End a hold: its owner gives it up, or its time has passed."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.operations import record_audit
from events.operations import NewEvent, record
from kernel.db import primary_time
from kernel.db.transaction import transaction
from kernel.staff.audit import target_of
from reservations import events, locking, metrics, operations, policy, queries, seat_changes
from reservations.claims import Claim
from reservations.models import Reservation
from reservations.operations import ReservationNotFound
from reservations.usecases.holds.errors import PaymentInProgress


@dataclass(frozen=True, slots=True)
class _StaffDeed:
    """Who of the staff ends a hold, and why."""

    actor_id: UUID
    reason: str


def release(*, reservation_id: UUID, user_id: UUID, now: datetime) -> None:
    """Give a pending hold up; repeating it, or giving up a lapsed one, changes nothing more.

    Raises `ReservationNotFound`, `PaymentInProgress` once money may have moved.
    """
    _release(reservation_id, user_id, now, None)


def release_by_staff(
    *, reservation_id: UUID, user_id: UUID, actor_id: UUID, reason: str, now: datetime
) -> None:
    """End a fan's hold as the fan might, audited; raises what `release` raises."""
    _release(reservation_id, user_id, now, _StaffDeed(actor_id, reason))


def _release(reservation_id: UUID, user_id: UUID, now: datetime, deed: _StaffDeed | None) -> None:
    with transaction():
        found = locking.lock_reservation(reservation_id=reservation_id, user_id=user_id)
        if found is None:
            raise ReservationNotFound()
        reservation, rows = found
        status = reservation.status
        sold = status in {Reservation.Status.CONFIRMED, Reservation.Status.CANCELLED}
        if sold or reservation.money_may_have_moved:
            raise PaymentInProgress()
        # Seats that an expired hold left behind are tidied here too: they are locked anyway.
        operations.free_seats(seat_ids=[row.seat_id for row in rows], reservation_id=reservation_id)
        given_up = status == Reservation.Status.PENDING and not reservation.has_lapsed(now)
        if status == Reservation.Status.PENDING:
            ended = Reservation.Status.RELEASED if given_up else Reservation.Status.EXPIRED
            operations.end_hold(reservation=reservation, status=ended, now=now)
            type_, reason = (
                (events.RELEASED, "given_up") if given_up else (events.EXPIRED, "time_passed")
            )
            event = events.of_row(type_, reservation, operations.priced(rows), reason=reason)
            record(events=[event], now=now)
        if deed is not None:
            record_audit(
                actor_id=deed.actor_id,
                action="reservations.release",
                target=target_of(reservation),
                reason=deed.reason,
                changes={"given_up": given_up},
                now=now,
            )
    seat_changes.publish(
        performance_id=reservation.performance_id,
        claims=[
            Claim(row.seat_id, None)
            for row in rows
            if row.reservation_id == reservation_id or row.is_free(now)
        ],
        writer=reservation_id,
        now=now,
    )
    if given_up:
        metrics.released.inc()


def expire_lapsed(*, limit: int = policy.SWEEP_BATCH, now: datetime) -> int:
    """Mark up to `limit` lapsed holds EXPIRED and free their seats; return how many.

    Tidiness and events only: nobody waits for it (Note [Hold deadline]). As it ends everybody's
    holds, a host whose clock is ahead is not trusted (Note [One clock] in kernel/clock.py).
    """
    now = primary_time.no_later_than_primary(now)
    lapsed = queries.lapsed_holds(limit=limit, now=now)
    if not lapsed:
        return 0
    with transaction():
        expired = operations.expire_lapsed(reservation_ids=lapsed, now=now)
        record(events=expired, now=now)
    by_performance: dict[UUID, list[NewEvent]] = defaultdict(list)
    for event in expired:
        by_performance[UUID(event.data["performance_id"])].append(event)
    for performance_id, events_of_it in by_performance.items():
        _publish_expired(performance_id, events_of_it, now)
    metrics.expired.labels("sweep").inc(len(expired))
    return len(expired)


def _publish_expired(performance_id: UUID, expired: list[NewEvent], now: datetime) -> None:
    """Publish that the seats are free, and count the lapses of their fans (Note [Back-off])."""
    seat_changes.publish(
        performance_id=performance_id,
        claims=seat_changes.freed_by_expiry(expired),
        writer="sweep",
        now=now,
        lapses=seat_changes.lapses_of(expired, queries.sale_terms(performance_id)),
    )
