"""The writes of tickets; each requires an open transaction."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.db.integrity import constraints_explained
from kernel.db.transaction import require_transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from tickets import policy
from tickets.models import LIVE_SEAT_UNIQUE, Ticket


class SeatHasTicket(DomainError):
    """Another valid ticket has this seat: a second sale came this far, and is stopped here."""

    code = "seat_has_ticket"
    kind = Kind.CONFLICT
    message = text(
        en="One of these seats has been sold already.", ko="이미 판매된 좌석이 포함되어 있습니다."
    )


@dataclass(frozen=True, slots=True)
class SoldSeats:
    """Seats that a fan has bought by one reservation."""

    reservation_id: UUID
    user_id: UUID
    performance_id: UUID
    seat_ids: Sequence[UUID]


def issue(*, sales: Sequence[SoldSeats], now: datetime) -> list[Ticket]:
    """Issue a ticket a seat: one statement.

    Raises `SeatHasTicket`, which must end the transaction.
    """
    require_transaction()
    tickets = [
        Ticket(
            code=_new_code(),
            reservation_id=sale.reservation_id,
            user_id=sale.user_id,
            performance_id=sale.performance_id,
            seat_id=seat_id,
            issued_at=now,
        )
        for sale in sales
        for seat_id in sale.seat_ids
    ]
    with constraints_explained({LIVE_SEAT_UNIQUE: SeatHasTicket}):
        Ticket.objects.bulk_create(tickets)
    return tickets


def _new_code() -> str:
    return "".join(secrets.choice(policy.CODE_ALPHABET) for _ in range(policy.CODE_LENGTH))
