"""Everything that happened to a fan, as one list: queue, holds, money, tickets, letters, deeds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise

from accounts import queries as accounts
from accounts.models import User
from boxoffice import timeline_words
from boxoffice.timeline_words import word
from kernel.i18n import localized, text
from kernel.money import Money
from kernel.staff import audit
from kernel.text.written import clock_text
from notifications import queries as notifications
from payments import desk_queries
from payments.models import Charge, Payment
from payments.models.refunds import Refund
from points import queries as points
from queueing import kept_places
from queueing.kept_places import KeptPlace
from queueing.replies import PlaceState
from reservations import queries as reservations
from reservations.models import Reservation
from tickets import queries as tickets

EACH = 100  # of each sort, the latest; what is older is in the admin

QUEUE = text(en="Waiting room", ko="대기실")
HOLD = text(en="Hold", ko="선점·예매")
PAYMENT = text(en="Payment", ko="결제")
CHARGE = text(en="Points bought", ko="포인트 충전")
REFUND = text(en="Refund", ko="환불")
POINTS = text(en="Points", ko="포인트")
TICKET = text(en="Ticket", ko="티켓")
DOOR = text(en="Door", ko="입장")
LETTER = text(en="Letter", ko="알림")
DEED = text(en="Staff", ko="직원 작업")


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened: when, of which sort, what, how it stands, and how much money.

    `status` is a code, `stands` how people call it. `key` names its row; `open` says that staff may
    still do something about it.
    """

    at: datetime
    sort: str
    label: Promise
    says: str
    status: str = ""
    stands: str = ""
    money: Money | None = None
    key: UUID | None = None
    open: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """A fan's moments, the latest first; `has_queue` False: the queue server can't be asked."""

    moments: list[Moment]
    has_queue: bool


def of_fan(user_id: UUID, *, now: datetime) -> Timeline:
    """Return a fan's timeline: a statement or two for each sort."""
    places = kept_places.places_of(user_id=user_id, now=now)
    moments = [
        *_queue(places or []),
        *_holds(user_id, now),
        *_money(user_id),
        *_points(user_id),
        *_tickets(user_id),
        *_letters(user_id),
    ]
    targets = [audit.target(User, user_id)]
    targets += [audit.target(Reservation, one.key) for one in moments if one.sort == "hold"]
    moments += _deeds(targets)
    latest_first = sorted(moments, key=lambda one: one.at, reverse=True)
    return Timeline(latest_first, has_queue=places is not None)


def _queue(places: list[KeptPlace]) -> Iterator[Moment]:
    for one in places:
        title = localized(one.performance.concert, "title")
        if one.joined_at is not None:
            number = text(en=f"joined, number {one.number}", ko=f"대기 시작, {one.number}번")
            status = one.state if one.until is None else ""
            stands = word(timeline_words.PLACES, status)
            yield Moment(one.joined_at, "queue", QUEUE, f"{title} · {number}", status, stands)
        if one.until is None:
            continue  # waits
        if one.admitted_at is not None:
            yield Moment(one.admitted_at, "queue", QUEUE, f"{title} · {_admission(one, one.until)}")
        if one.state is not PlaceState.ADMITTED:
            stands = word(timeline_words.PLACES, one.state)
            yield Moment(one.until, "queue", QUEUE, title, one.state, stands)


def _admission(one: KeptPlace, ends_at: datetime) -> Promise:
    until = clock_text(ends_at, settings.TIME_ZONE)
    if one.has_pass:
        return text(en=f"admitted, with a pass until {until}", ko=f"입장, 입장권 {until}까지")
    return text(en=f"admitted, to come by {until}", ko=f"입장 차례, {until}까지 입장")


def _holds(user_id: UUID, now: datetime) -> Iterator[Moment]:
    rows = list(reservations.mine(user_id=user_id, now=now).order_by("-pk")[:EACH])
    began = {row.pk: row.created_at for row in rows}
    for one in reservations.details(rows, now=now):
        seats = ", ".join(f"{seat.section} {seat.row}-{seat.number}" for seat in one.seats)
        yield Moment(
            at=began[one.id],
            sort="hold",
            label=HOLD,
            says=f"{one.performance} · {seats}",
            status=one.status,
            stands=str(Reservation.Status(one.status).label),
            money=one.amount,
            key=one.id,
            open=one.status in ("PENDING", "CONFIRMED"),
        )


def _money(user_id: UUID) -> Iterator[Moment]:
    for row in desk_queries.payments_of(user_id=user_id, limit=EACH):
        says = " · ".join(filter(None, [str(row.get_method_display()), row.failure_code]))
        yield _paid(row, "payment", PAYMENT, says)
    for charge in desk_queries.charges_of(user_id=user_id, limit=EACH):
        yield _paid(charge, "charge", CHARGE, charge.failure_code)
    for refund in desk_queries.refunds_of(user_id=user_id, limit=EACH):
        yield _paid(refund, "refund", REFUND, str(refund.get_reason_display()))


def _paid(row: Payment | Charge | Refund, sort: str, label: Promise, says: str) -> Moment:
    stands = str(row.get_status_display())
    return Moment(row.created_at, sort, label, says, row.status, stands, row.money, row.pk)


def _points(user_id: UUID) -> Iterator[Moment]:
    for row in points.entries(user_id=user_id).order_by("-pk")[:EACH]:
        kind = row.transfer.get_kind_display()
        at = row.transfer.created_at
        yield Moment(at, "points", POINTS, str(kind), money=row.money, key=row.pk)


def _tickets(user_id: UUID) -> Iterator[Moment]:
    for row in tickets.mine(user_id=user_id).order_by("-pk")[:EACH]:
        seat = f"{row.seat.section.code} {row.seat.row}-{row.seat.number}"
        stands = str(row.get_status_display())
        yield Moment(row.issued_at, "ticket", TICKET, f"{row.code} · {seat}", row.status, stands)
    for checkin in tickets.checkins_of(user_id=user_id, limit=EACH):
        stands = str(timeline_words.UNDONE) if checkin.undone_at else ""
        says = f"{checkin.ticket.code} · {checkin.gate}"
        yield Moment(checkin.admitted_at, "door", DOOR, says, stands=stands)


def _letters(user_id: UUID) -> Iterator[Moment]:
    for row in notifications.letters_of(user_id=user_id, limit=EACH):
        is_over = row.status != row.Status.WAITING
        yield Moment(
            at=row.created_at,
            sort="letter",
            label=LETTER,
            says=word(timeline_words.LETTERS, row.kind),
            status=row.status,
            stands=str(row.get_status_display()),
            key=row.pk,
            open=is_over,
        )


def _deeds(targets: list[str]) -> Iterator[Moment]:
    for row in accounts.deeds_about(targets, limit=EACH):
        deed = word(timeline_words.DEEDS, row.action)
        yield Moment(row.created_at, "deed", DEED, f"{deed}: {row.reason}")
