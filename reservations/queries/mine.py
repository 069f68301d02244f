"""A fan's own reservations."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from concerts.models import Performance
from kernel.money import Money
from reservations.events import PricedSeat
from reservations.models import Reservation, ReservationSeat, SeatInventory

_SEAT_STATUS = {
    Reservation.Status.PENDING: SeatInventory.Status.TEMPORARILY_RESERVED,
    Reservation.Status.CONFIRMED: SeatInventory.Status.RESERVED,
}


@dataclass(frozen=True, slots=True)
class ReservedSeat:
    """A seat of a reservation: TEMPORARILY_RESERVED, RESERVED, EXPIRED, RELEASED or CANCELLED."""

    seat_id: UUID
    section: str
    row: str
    number: str
    price: Money
    status: str


@dataclass(frozen=True, slots=True)
class ReservationDetail:
    """A reservation as its owner sees it; a hold whose time has passed shows as EXPIRED.

    `performance` comes with its concert and venue.
    """

    id: UUID
    status: str
    performance: Performance
    user_id: UUID
    seats: tuple[ReservedSeat, ...]
    amount: Money
    expires_at: datetime
    extendable_until: datetime
    payment: dict[str, Any] | None


def mine(
    *,
    user_id: UUID,
    now: datetime,
    status: str | None = None,
    performance_id: UUID | None = None,
) -> QuerySet[Reservation]:
    """Return the fan's reservations, to be paged by key and given to `details`.

    `status` is judged by `now`: PENDING leaves out lapsed holds and EXPIRED takes them in.
    """
    rows = _complete(Reservation.objects.filter(user_id=user_id))
    if performance_id is not None:
        rows = rows.filter(performance_id=performance_id)
    lapsed = Q(status=Reservation.Status.PENDING, expires_at__lte=now)
    if status == Reservation.Status.PENDING:
        rows = rows.filter(status=status).exclude(lapsed)
    elif status == Reservation.Status.EXPIRED:
        rows = rows.filter(Q(status=status) | lapsed)
    elif status is not None:
        rows = rows.filter(status=status)
    return rows


def find(*, reservation_id: UUID, user_id: UUID, now: datetime) -> ReservationDetail | None:
    """Return one reservation of the fan, or None."""
    rows = _complete(Reservation.objects.filter(pk=reservation_id, user_id=user_id))
    return next(iter(details(rows, now=now)), None)


def live_holds_of(*, user_id: UUID, now: datetime) -> list[UUID]:
    """Return the fan's holds whose time has not passed, by id."""
    rows = Reservation.objects.filter(
        user_id=user_id, status=Reservation.Status.PENDING, expires_at__gt=now
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


def details(rows: Iterable[Reservation], *, now: datetime) -> list[ReservationDetail]:
    """Return the rows of `mine` as frozen values."""
    return [_detail(row, now) for row in rows]


def _complete(rows: QuerySet[Reservation]) -> QuerySet[Reservation]:
    seats = ReservationSeat.objects.select_related("seat__section").order_by("seat__index")
    return rows.select_related("performance__concert__venue").prefetch_related(
        Prefetch("seats", queryset=seats)
    )


def _detail(row: Reservation, now: datetime) -> ReservationDetail:
    status = Reservation.Status.EXPIRED if row.has_lapsed(now) else Reservation.Status(row.status)
    return ReservationDetail(
        id=row.pk,
        status=status.value,
        performance=row.performance,
        user_id=row.user_id,
        seats=tuple(
            ReservedSeat(
                seat_id=held.seat_id,
                section=held.seat.section.code,
                row=held.seat.row,
                number=held.seat.number,
                price=Money(held.price, held.currency),
                status="CANCELLED" if held.cancelled_at else seat_status(status),
            )
            for held in row.seats.all()
        ),
        amount=row.money,
        expires_at=row.expires_at,
        extendable_until=row.extendable_until,
        payment=({"id": row.payment_id, "status": row.payment_status} if row.payment_id else None),
    )


def new_hold(
    row: Reservation, *, performance: Performance, seats: Iterable[PricedSeat]
) -> ReservationDetail:
    """Return a hold as its owner sees it, from what was just written: no statement."""
    status = seat_status(Reservation.Status.PENDING)
    return ReservationDetail(
        id=row.pk,
        status=Reservation.Status.PENDING.value,
        performance=performance,
        user_id=row.user_id,
        seats=tuple(
            ReservedSeat(seat.seat_id, seat.section, seat.row, seat.number, seat.price, status)
            for seat in seats
        ),
        amount=row.money,
        expires_at=row.expires_at,
        extendable_until=row.extendable_until,
        payment=None,
    )


def seat_status(status: Reservation.Status) -> str:
    """Return the status of a reservation's seats as its owner sees them."""
    return str(_SEAT_STATUS.get(status, status).value)
