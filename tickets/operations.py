"""The writes of tickets; each requires an open transaction.

Note [Refused scans]
What gates let in and we refuse later is for a supervisor, who looks at seats. A device with a
fault, or somebody who makes codes up, sends such scans without end. So of one ticket at one gate
five rows are kept, of codes that no ticket has 200 at one gate, and 5,000 of a performance whatever
its gates are called; the rest is a number. That number may count a scan twice that is sent again.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from kernel.db.inserts import insert_all
from kernel.db.integrity import constraints_explained
from kernel.db.transaction import require_transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from tickets import policy, refused_queries
from tickets.models import LIVE_SEAT_UNIQUE, Checkin, RefusedScan, Ticket, UnlistedScans


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
        insert_all(tickets)
    return tickets


def void(*, reservation_id: UUID, seat_ids: Collection[UUID]) -> int:
    """Make the locked tickets of seats that were given up void; return how many there were."""
    require_transaction()
    live = Ticket.objects.filter(reservation=reservation_id, seat__in=seat_ids)
    return live.exclude(status=Ticket.Status.VOID).update(status=Ticket.Status.VOID)


def write_checkins(*, checkins: Sequence[Checkin]) -> None:
    """Write the check-ins of locked tickets, which are used by them: two statements."""
    require_transaction()
    if not checkins:
        return
    insert_all(checkins)
    Ticket.objects.filter(pk__in=[one.ticket_id for one in checkins]).update(
        status=Ticket.Status.USED
    )


def keep_refused(*, scans: Sequence[RefusedScan], now: datetime) -> None:
    """Keep scans that were refused once they were sent, as far as there is room; count the others.

    See Note [Refused scans]. One that was kept before stays as it is.
    """
    require_transaction()
    for performance_id in sorted({scan.performance_id for scan in scans}):
        here = [scan for scan in scans if scan.performance_id == performance_id]
        room = refused_queries.room_for_refused(
            performance_id=performance_id, scan_ids={scan.scan_id for scan in here}
        )
        kept = [scan for scan in here if room.takes(scan)]
        RefusedScan.objects.bulk_create(kept, ignore_conflicts=True)
        unlisted = len(here) - len(kept) - room.again
        if unlisted:
            _count_unlisted(performance_id, unlisted, now=now)


def forget_refused(*, checkins: Sequence[Checkin]) -> None:
    """Take back what was kept of scans that admit after all: the first admission was undone."""
    require_transaction()
    if checkins:
        scans = [one.scan_id for one in checkins]
        performances = {one.performance_id for one in checkins}
        RefusedScan.objects.filter(performance__in=performances, scan_id__in=scans).delete()


def delete_refused(*, before: datetime, limit: int) -> int:
    """Delete refused scans that were recorded before a time, and counts that ended then."""
    require_transaction()
    UnlistedScans.objects.filter(latest_at__lt=before).delete()
    old = RefusedScan.objects.filter(recorded_at__lt=before).order_by("pk")[:limit]
    return RefusedScan.objects.filter(pk__in=old.values("pk")).delete()[0]


def undo_checkin(*, checkin_id: UUID, ticket: Ticket, now: datetime) -> bool:
    """Undo a check-in of a locked ticket; return whether it was in force. A void one stays so."""
    require_transaction()
    live = Checkin.objects.filter(pk=checkin_id, undone_at=None)
    if not live.update(undone_at=now):
        return False
    Ticket.objects.filter(pk=ticket.pk, status=Ticket.Status.USED).update(
        status=Ticket.Status.VALID
    )
    return True


def _count_unlisted(performance_id: UUID, scans: int, *, now: datetime) -> None:
    UnlistedScans.objects.get_or_create(
        performance_id=performance_id, defaults={"scans": 0, "latest_at": now}
    )
    UnlistedScans.objects.filter(performance_id=performance_id).update(
        scans=F("scans") + scans, latest_at=now
    )


def _new_code() -> str:
    return "".join(secrets.choice(policy.CODE_ALPHABET) for _ in range(policy.CODE_LENGTH))
