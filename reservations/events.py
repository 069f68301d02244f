"""Events of reservations: topic `frontrow.reservations.v1`, schemas in docs/events/.

Fields of `data` are only ever added; there is no personal data in them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from events import topics
from events.operations import NewEvent
from kernel import clock
from kernel.money import Money
from kernel.telemetry.context import Correlation
from reservations.models import Reservation

TOPIC = topics.RESERVATIONS
SOURCE = "/frontrow/reservations"

HELD = "reservation.held"
CONFIRMED = "reservation.confirmed"
EXPIRED = "reservation.expired"
RELEASED = "reservation.released"
CANCELLED = "reservation.cancelled"


@dataclass(frozen=True, slots=True)
class PricedSeat:
    """A seat by its name (`section` is the code), at the price it was held for."""

    seat_id: UUID
    section: str
    row: str
    number: str
    price: Money

    def as_json(self) -> dict[str, Any]:
        """Return the contract's form."""
        return {
            "seat_id": str(self.seat_id),
            "section": self.section,
            "row": self.row,
            "number": self.number,
            "price": self.price.as_json(),
        }


def reservation_event(
    type_: str,
    *,
    reservation_id: UUID,
    performance_id: UUID,
    user_id: UUID,
    seats: Iterable[PricedSeat],
    amount: Money,
    expires_at: datetime | None = None,
    reason: str | None = None,
    correlation: Correlation | None = None,
) -> NewEvent:
    """Return one of the events of this module; `expires_at` belongs to a live hold only."""
    return NewEvent(
        topic=TOPIC,
        type=type_,
        source=SOURCE,
        aggregate_id=reservation_id,
        data={
            "reservation_id": str(reservation_id),
            "performance_id": str(performance_id),
            "user_id": str(user_id),
            "seats": [seat.as_json() for seat in seats],
            "amount": amount.as_json(),
            "expires_at": clock.as_text(expires_at) if expires_at else None,
            "reason": reason,
        },
        correlation=correlation,
    )


def of_row(
    type_: str,
    reservation: Reservation,
    seats: Iterable[PricedSeat],
    *,
    reason: str | None = None,
    correlation: Correlation | None = None,
) -> NewEvent:
    """Return an event of this reservation; `correlation` names the request that caused it."""
    return reservation_event(
        type_,
        reservation_id=reservation.pk,
        performance_id=reservation.performance_id,
        user_id=reservation.user_id,
        seats=seats,
        amount=reservation.money,
        expires_at=reservation.expires_at if type_ == HELD else None,
        reason=reason,
        correlation=correlation,
    )
