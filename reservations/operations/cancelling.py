"""Bought seats that are given up: they return to sale."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from events.operations import NewEvent
from kernel.db.arrays import array_of
from kernel.db.transaction import require_transaction, run_after_commit
from kernel.money import Money
from reservations import events, metrics
from reservations.operations.lifecycle import LockedReservation

# The rows are locked already; a seat counts if it was this reservation's and bought.
_CANCEL = """
    WITH freed AS (
        UPDATE reservations_seatinventory
        SET status = 'AVAILABLE', reservation_id = NULL
        WHERE seat_id = ANY(%(seats)s::uuid[]) AND reservation_id = %(id)s
          AND status = 'RESERVED'
        RETURNING seat_id
    ), given_up AS (
        UPDATE reservations_reservationseat SET cancelled_at = %(now)s
        WHERE reservation_id = %(id)s AND seat_id = ANY(%(seats)s::uuid[])
          AND cancelled_at IS NULL
    ), ended AS (
        UPDATE reservations_reservation SET status = 'CANCELLED'
        WHERE id = %(id)s AND %(last)s AND status = 'CONFIRMED'
    )
    SELECT count(*) FROM freed
"""


class SeatsNotSold(Exception):
    """A seat to be given up is not this reservation's: must end the transaction."""


def cancel_seats(
    *,
    locked: LockedReservation,
    seat_ids: Sequence[UUID],
    last: bool,
    reason: str,
    now: datetime,
) -> NewEvent:
    """Return bought seats to sale: one statement; return the event `reservation.cancelled`.

    `last`: the reservation keeps none, and is CANCELLED. Raises SeatsNotSold. After the commit the
    caller publishes the change (`seat_changes.publish`).
    """
    require_transaction()
    reservation = locked.reservation
    with connection.cursor() as cursor:
        cursor.execute(
            _CANCEL,
            {"seats": array_of(seat_ids), "id": reservation.pk, "last": last, "now": now},
        )
        [(freed,)] = cursor.fetchall()
    if freed != len(seat_ids):
        raise SeatsNotSold(f"{freed} of {len(seat_ids)} seats of {reservation.pk}")
    chosen = set(seat_ids)
    seats = [seat for seat in locked.seats if seat.seat_id in chosen]
    run_after_commit(lambda: metrics.cancelled.labels(reason).inc(freed))
    return events.reservation_event(
        events.CANCELLED,
        reservation_id=reservation.pk,
        performance_id=reservation.performance_id,
        user_id=reservation.user_id,
        seats=seats,
        amount=Money(sum(seat.price.amount for seat in seats), reservation.currency),
        reason=reason,
    )
