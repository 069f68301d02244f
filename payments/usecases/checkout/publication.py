"""What follows the commit of a payment: the copies of its seats, and the waiting room."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payments.after_commit import publishing
from queueing.usecases import waiting_room
from reservations import seat_changes
from reservations.claims import Claim
from reservations.models import Reservation
from reservations.operations import LockedReservation, NewHold


@dataclass(frozen=True, slots=True)
class PaidSeats:
    """Seats that a fan has just paid for."""

    user_id: UUID
    reservation_id: UUID
    seat_ids: Sequence[UUID]


def publish_sales(*, performance_id: UUID, sales: Sequence[PaidSeats], now: datetime) -> None:
    """Update the seat claims and the waiting room at once; without this both follow later."""
    with publishing("sales", performance=performance_id):
        seat_changes.publish(
            performance_id=performance_id,
            claims=[
                Claim(seat_id, sale.reservation_id) for sale in sales for seat_id in sale.seat_ids
            ],
            writer="payments",
            now=now,
        )
        fans = [sale.user_id for sale in sales]
        waiting_room.finish(user_ids=fans, performance_id=performance_id, now=now)


def publish_offered(hold: NewHold, *, now: datetime) -> None:
    """Tell the seat claims of seats that are held for an offer; without this they follow later."""
    with publishing("offer", reservation=hold.reservation.pk):
        _publish_hold(hold.reservation, [seat.seat_id for seat in hold.seats], now)


def publish_window(*, locked: LockedReservation, now: datetime) -> None:
    """Tell the seat claims until when a hold lasts whose time to pay has opened."""
    _publish_hold(locked.reservation, locked.seat_ids, now)


def _publish_hold(reservation: Reservation, seat_ids: Sequence[UUID], now: datetime) -> None:
    seat_changes.publish(
        performance_id=reservation.performance_id,
        claims=[
            Claim(seat_id, reservation.pk, reservation.user_id, reservation.expires_at)
            for seat_id in seat_ids
        ],
        writer=reservation.pk,
        now=now,
    )
