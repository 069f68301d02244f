"""What follows the commit that frees seats: the copies of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from payments.after_commit import publishing
from reservations import seat_changes
from reservations.claims import Claim
from reservations.operations import LockedReservation


def publish_freed(*, locked: LockedReservation, seat_ids: Sequence[UUID], now: datetime) -> None:
    """Tell the copies of the seats that they are free again; without this they follow later."""
    with publishing("freed seats", reservation=locked.reservation.pk):
        seat_changes.publish(
            performance_id=locked.reservation.performance_id,
            claims=[Claim(seat_id, None) for seat_id in seat_ids],
            writer=locked.reservation.pk,
            now=now,
        )
