"""The reads of a fan's own tickets and of the door, from the primary."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from django.db.models import FilteredRelation, Q, QuerySet

from concerts.models import Performance
from tickets import policy, qr
from tickets.models import Checkin, Ticket

# A change becomes visible when its transaction commits, later than its time says: who asks for what
# is new gets what is up to this much older too, as none of ours lasts longer.
_LOOK_BACK = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class TicketSeat:
    """The seat of a ticket; `section` is the section's code."""

    id: UUID
    section: str
    row: str
    number: str


@dataclass(frozen=True, slots=True)
class TicketDetail:
    """A ticket as its owner sees it; `qr` is what its QR code says (Note [QR payload] in qr.py)."""

    id: UUID
    code: str
    status: str
    reservation_id: UUID
    performance: Performance
    seat: TicketSeat
    qr: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class CheckinResult:
    """An admission, as the door sees it."""

    id: UUID
    seat: TicketSeat
    holder_name: str
    admitted_at: datetime


@dataclass(frozen=True, slots=True)
class KnownCheckins:
    """Check-ins in force by ticket; all of some scan ids by performance and scan id."""

    live: dict[UUID, Checkin] = field(default_factory=dict)
    by_scan: dict[tuple[UUID, str], Checkin] = field(default_factory=dict)

    def add(self, checkin: Checkin) -> None:
        """Add one, undone or not."""
        self.by_scan[checkin.performance_id, checkin.scan_id] = checkin
        if checkin.undone_at is None:
            self.live[checkin.ticket_id] = checkin


@dataclass(frozen=True, slots=True)
class AdmissionEntry:
    """A ticket in the admission list; `code_hash` as the function of that name makes it."""

    code_hash: str
    seat: TicketSeat
    initials: str
    status: str
    admitted_at: datetime | None
    gate: str | None


@dataclass(frozen=True, slots=True)
class FoundTicket:
    """A ticket as the door finds it; admitted where a check-in is in force."""

    code: str
    seat: TicketSeat
    holder_name: str
    status: str
    admitted_at: datetime | None
    gate: str | None


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


def owner_of_code(code: str) -> UUID | None:
    """Return whose ticket has a code in its one spelling (`codes.code_in`), void or not."""
    return Ticket.objects.filter(code=code).values_list("user_id", flat=True).first()


def checkins_of(*, user_id: UUID, limit: int) -> list[Checkin]:
    """Return the check-ins of a fan's tickets, undone ones too, the latest first."""
    rows = Checkin.objects.filter(ticket__user=user_id).select_related("ticket__seat__section")
    return list(rows.order_by("-admitted_at")[:limit])


def holders(*, performance_id: UUID, after: UUID | None, limit: int) -> list[UUID]:
    """Return the next fans, by id, who have tickets of a performance that are not void."""
    live = Ticket.objects.filter(performance=performance_id).exclude(status=Ticket.Status.VOID)
    if after is not None:
        live = live.filter(user__gt=after)
    return list(live.order_by("user").values_list("user", flat=True).distinct()[:limit])


def coming_of(*, user_id: UUID, now: datetime) -> list[UUID]:
    """Return the fan's tickets that may still be needed at a door, by id."""
    rows = mine(user_id=user_id).exclude(status=Ticket.Status.VOID)
    coming = rows.filter(performance__starts_at__gt=now - policy.AFTER_START)
    return list(coming.order_by("pk").values_list("pk", flat=True))


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
    """Return the signed text of the ticket's QR code (reads `performance`); Note [QR payload]."""
    return qr.write(
        code=ticket.code,
        performance_id=ticket.performance_id,
        expires_at=ticket.performance.starts_at + timedelta(hours=policy.QR_HOURS_AFTER_START),
    )


def checkin_result(checkin: Checkin, ticket: Ticket) -> CheckinResult:
    """Return an admission as the door sees it (reads `seat`, `section` and `user`)."""
    return CheckinResult(
        id=checkin.pk,
        seat=TicketSeat(
            ticket.seat_id, ticket.seat.section.code, ticket.seat.row, ticket.seat.number
        ),
        holder_name=ticket.user.display_name,
        admitted_at=checkin.admitted_at,
    )


def known_checkins(*, tickets: Collection[Ticket], scan_ids: Collection[str]) -> KnownCheckins:
    """Return what the locked tickets' door knows of them and of these scans: one statement."""
    known = KnownCheckins()
    if tickets:
        here = {ticket.performance_id for ticket in tickets}
        for checkin in Checkin.objects.filter(
            Q(ticket__in=[ticket.pk for ticket in tickets], undone_at=None)
            | Q(performance__in=here, scan_id__in=scan_ids)
        ):
            known.add(checkin)
    return known


def admission_list(*, performance_id: UUID, since: datetime | None = None) -> list[AdmissionEntry]:
    """Return the tickets of a performance in seat order, those alone that changed `since`.

    Up to a minute more is returned than has changed since; void tickets are in it.
    """
    rows = Ticket.objects.filter(performance_id=performance_id)
    if since is not None:
        rows = rows.filter(changed_at__gt=since - _LOOK_BACK)
    live = FilteredRelation("checkins", condition=Q(checkins__undone_at=None))
    found = rows.annotate(live=live).order_by("seat__index", "pk")
    return [
        AdmissionEntry(
            code_hash=code_hash(performance_id, code),
            seat=TicketSeat(seat_id, *place),
            initials=_initials(name),
            status=status,
            admitted_at=admitted_at,
            gate=gate,
        )
        for code, status, name, admitted_at, gate, seat_id, *place in found.values_list(
            "code",
            "status",
            "user__display_name",
            "live__admitted_at",
            "live__gate",
            "seat_id",
            "seat__section__code",
            "seat__row",
            "seat__number",
        )
    ]


def find_at_door(
    *, performance_id: UUID, name: str, seat: tuple[str, ...], limit: int
) -> list[FoundTicket]:
    """Return tickets whose holder's name has `name` in it, or of the `seat`, in seat order.

    Each part of a seat is its section's code, its row or its number. Void tickets are left out.
    """
    wanted = Q(user__display_name__icontains=name)
    if seat:
        parts = [
            Q(seat__section__code__iexact=part)
            | Q(seat__row__iexact=part)
            | Q(seat__number__iexact=part)
            for part in seat
        ]
        wanted |= Q(*parts)
    live = FilteredRelation("checkins", condition=Q(checkins__undone_at=None))
    rows = Ticket.objects.filter(wanted, performance_id=performance_id).annotate(live=live)
    found = rows.exclude(status=Ticket.Status.VOID).order_by("seat__index", "pk")[:limit]
    return [
        FoundTicket(code, TicketSeat(seat_id, *place), holder, status, admitted_at, gate)
        for code, holder, status, admitted_at, gate, seat_id, *place in found.values_list(
            "code",
            "user__display_name",
            "status",
            "live__admitted_at",
            "live__gate",
            "seat_id",
            "seat__section__code",
            "seat__row",
            "seat__number",
        )
    ]


def code_hash(performance_id: UUID, code: str) -> str:
    """Return by what the admission list names a ticket: 12 hexadecimal digits.

    Of the SHA-256 of `{performance id}:{code}`. Codes have 60 bits, so that a whole hash could be
    turned back into one of thousands of codes in an hour; 48 bits leave 4,096 codes for each. They
    don't stop anybody from computing some code that the list takes for a ticket, so a gate without
    a network admits by a signature, or by a code that a person typed (decision 0072).
    """
    digest = sha256(f"{performance_id}:{code}".encode()).hexdigest()
    return digest[: policy.CODE_HASH_DIGITS]


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split()[:3]).upper()
