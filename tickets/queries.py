"""The reads of a fan's own tickets, from the primary."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from concerts.models import Performance
from kernel.signing.jwt import sign_jwt
from tickets import policy
from tickets.models import Ticket


@dataclass(frozen=True, slots=True)
class TicketSeat:
    """The seat of a ticket; `section` is the section's code."""

    id: UUID
    section: str
    row: str
    number: str


@dataclass(frozen=True, slots=True)
class TicketDetail:
    """A ticket as its owner sees it; `qr` is what the QR code says, signed (Note [QR payload])."""

    id: UUID
    code: str
    status: str
    reservation_id: UUID
    performance: Performance
    seat: TicketSeat
    qr: str
    issued_at: datetime


def mine(*, user_id: UUID, reservation_id: UUID | None = None) -> QuerySet[Ticket]:
    """Return the fan's tickets, for paging by key and for `details`."""
    rows = Ticket.objects.filter(user_id=user_id).select_related(
        "performance__concert__venue", "seat__section"
    )
    return rows if reservation_id is None else rows.filter(reservation_id=reservation_id)


def of_reservation(*, reservation_id: UUID, user_id: UUID) -> list[TicketDetail]:
    """Return the tickets of one reservation in seat order; none for somebody else's."""
    rows = mine(user_id=user_id, reservation_id=reservation_id)
    return details(rows.order_by("seat__index", "id"))


def find(*, ticket_id: UUID, user_id: UUID) -> TicketDetail | None:
    """Return one ticket of the fan, or None."""
    return next(iter(details(mine(user_id=user_id).filter(pk=ticket_id))), None)


def details(rows: Iterable[Ticket]) -> list[TicketDetail]:
    """Return the rows of `mine` as frozen values."""
    return [
        TicketDetail(
            id=row.pk,
            code=row.code,
            status=row.status,
            reservation_id=row.reservation_id,
            performance=row.performance,
            seat=TicketSeat(row.seat_id, row.seat.section.code, row.seat.row, row.seat.number),
            qr=qr_payload(row),
            issued_at=row.issued_at,
        )
        for row in rows
    ]


def qr_payload(ticket: Ticket) -> str:
    """Return the signed text of the ticket's QR code (reads `performance`).

    Note [QR payload]
    A compact JWS (Ed25519, key use "ticket") made whenever the ticket is read: nothing secret is
    stored, a rotated key shows at the next look, and a door can tell a forgery without the
    network. The text is the same at every reading with the same key. Whether the ticket is still
    valid only the database knows.
    """
    ends = ticket.performance.starts_at + timedelta(hours=policy.QR_HOURS_AFTER_START)
    return sign_jwt(
        "ticket",
        {
            "aud": policy.QR_AUDIENCE,
            "sub": str(ticket.pk),
            "exp": int(ends.timestamp()),
            "code": ticket.code,
            "performance": str(ticket.performance_id),
        },
    )
