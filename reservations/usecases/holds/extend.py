"""Extend a hold, within the cap counted from the first hold."""

from datetime import datetime, timedelta
from uuid import UUID

from concerts.models import Performance
from kernel.db.transaction import transaction
from reservations import metrics, operations, queries, seat_changes
from reservations.claims import Claim
from reservations.models import Reservation
from reservations.operations import ReservationExpired, ReservationNotFound
from reservations.queries import ReservationDetail
from reservations.usecases.holds.errors import (
    ExtensionLimit,
    PerformanceCancelled,
    ReservationNotPending,
)


def extend(*, reservation_id: UUID, user_id: UUID, now: datetime) -> ReservationDetail:
    """Extend a live hold by one hold's length, never past `extendable_until`.

    Five statements in one transaction, one Redis call after it. Raises `ReservationNotFound`,
    `ReservationExpired`, `ReservationNotPending`, `PerformanceCancelled`, and `ExtensionLimit` once
    there is nothing to add.
    """
    with transaction():
        locked = operations.lock_reservation(reservation_id=reservation_id, user_id=user_id)
        reservation = locked.reservation
        if locked.has_lapsed(now):
            raise ReservationExpired(expires_at=reservation.expires_at)
        if reservation.status != Reservation.Status.PENDING:
            raise ReservationNotPending(reservation_status=reservation.status)
        if locked.rules.status == Performance.Status.CANCELLED:
            raise PerformanceCancelled()
        until = min(
            reservation.expires_at + timedelta(seconds=locked.rules.hold_seconds),
            reservation.extendable_until,
        )
        if until <= reservation.expires_at:
            raise ExtensionLimit(extendable_until=reservation.extendable_until)
        operations.move_deadline(locked=locked, until=until)
    seat_changes.publish(
        performance_id=reservation.performance_id,
        claims=[Claim(seat_id, reservation_id, user_id, until) for seat_id in locked.seat_ids],
        writer=reservation_id,
        now=now,
    )
    metrics.extended.inc()
    found = queries.find(reservation_id=reservation_id, user_id=user_id, now=now)
    if found is None:
        raise ReservationNotFound()
    return found
