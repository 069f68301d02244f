"""What giving bought seats up gives back: one judgement for the quote and for what is done.

Note [Parts of a seat]
A payment by points and by card pays each seat by both, in proportion: in the order of seat ids the
points part is shared out by cumulative sums, so the shares are whole, each is at most the seat's
price, and together they are the points part. What is given back of a seat is divided as the seat
was paid, points rounded down. Each seat gives back no more of a part than its own share, so no
order of cancellations exceeds what was paid in either way.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from concerts.models import Performance
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money
from payments.fees import Fee, FeeTable
from payments.models import Payment
from reservations.models import Reservation


class NotCancellable(DomainError):
    """It is no bought reservation, or its performance is cancelled and refunded by itself."""

    code = "reservation_not_cancellable"
    kind = Kind.CONFLICT
    message = text(en="These seats cannot be cancelled.", ko="취소할 수 없는 상태의 예약입니다.")


class CancelledAlready(DomainError):
    """All of the reservation, or one of the seats, was cancelled before (`seat_ids`)."""

    code = "already_cancelled"
    kind = Kind.CONFLICT
    message = text(en="It is cancelled already.", ko="이미 취소되었습니다.")


class TooLateToCancel(DomainError):
    """The time to give seats up has passed (`allowed_until`)."""

    code = "cancellation_too_late"
    kind = Kind.CONFLICT
    message = text(en="It is too late to cancel.", ko="취소 가능 시간이 지났습니다.")


class TicketUsed(DomainError):
    """Somebody has entered with one of the tickets (`seat_ids`)."""

    code = "ticket_used"
    kind = Kind.CONFLICT
    message = text(
        en="A ticket of these seats has been used.", ko="이미 사용한 티켓이 포함되어 있습니다."
    )


class NotYourSeats(DomainError):
    """The reservation has no such seats (`seat_ids`)."""

    code = "seats_not_in_reservation"
    kind = Kind.NOT_FOUND
    message = text(
        en="The reservation has no such seats.", ko="예약에 없는 좌석이 포함되어 있습니다."
    )


@dataclass(frozen=True, slots=True)
class BoughtSeat:
    """A seat of a reservation at its price in minor units, and whether its ticket was used."""

    seat_id: UUID
    price: int
    cancelled: bool
    used: bool


@dataclass(frozen=True, slots=True)
class Purchase:
    """A reservation as it was bought, and the fee table of its performance; seats by id."""

    reservation: Reservation
    performance: Performance
    payment: Payment | None
    seats: tuple[BoughtSeat, ...]
    table: FeeTable


@dataclass(frozen=True, slots=True)
class SeatQuote:
    """What a seat gives back: `refund` is what was paid less the fee, `points` a part of it."""

    seat_id: UUID
    paid: Money
    fee: Money
    refund: Money
    points: Money


@dataclass(frozen=True, slots=True)
class Quote:
    """What seats give back now, each; `last`: the reservation keeps none.

    `allowed_until`: from then on nothing is given back; None while the performance is postponed
    without an end of its refund window. While that is open everything is, without a fee.
    """

    payment: Payment
    allowed_until: datetime | None
    per_seat: tuple[SeatQuote, ...]
    last: bool
    policy_version: int

    @property
    def seat_ids(self) -> list[UUID]:
        """The seats by id."""
        return [seat.seat_id for seat in self.per_seat]

    @property
    def paid(self) -> int:
        """What was paid for them, in minor units."""
        return sum(seat.paid.amount for seat in self.per_seat)

    @property
    def fee(self) -> int:
        """What is kept of it."""
        return sum(seat.fee.amount for seat in self.per_seat)

    @property
    def points(self) -> int:
        """What is given back as points."""
        return sum(seat.points.amount for seat in self.per_seat)

    @property
    def by_gateway(self) -> int:
        """What the gateway gives back."""
        return self.paid - self.fee - self.points


def judge(bought: Purchase, *, seat_ids: Collection[UUID] | None, now: datetime) -> Quote:
    """Return what a fan gets back at `now` for seats, None for all that are left.

    Raises NotCancellable, CancelledAlready, NotYourSeats, TicketUsed, TooLateToCancel.
    """
    payment, chosen = _payment(bought), _unused(bought, seat_ids)
    starts_at, window_ends = bought.performance.starts_at, bought.performance.refund_until
    allowed_until = bought.table.allowed_until(starts_at)
    if bought.performance.is_given_back_freely(now):
        until = None if window_ends is None else max(window_ends, allowed_until)
        return _quote(bought, payment, chosen, Fee(0), until)
    fee = bought.table.fee_at(now, starts_at=starts_at)
    if fee is None:
        raise TooLateToCancel(allowed_until=allowed_until)
    return _quote(bought, payment, chosen, fee, allowed_until)


def judge_goodwill(bought: Purchase, *, seat_ids: Collection[UUID] | None) -> Quote:
    """Return all of what seats cost, whatever the policy says and however late it is.

    Raises NotCancellable, CancelledAlready, NotYourSeats, TicketUsed.
    """
    payment, chosen = _payment(bought), _unused(bought, seat_ids)
    return _quote(bought, payment, chosen, Fee(0), None)


def in_full(bought: Purchase, payment: Payment) -> Quote:
    """Return all that the seats that are left give back, used or not, without a fee."""
    chosen = [seat for seat in bought.seats if not seat.cancelled]
    return _quote(bought, payment, chosen, Fee(0), None)


def _payment(bought: Purchase) -> Payment:
    status = bought.reservation.status
    if status == Reservation.Status.CANCELLED:
        raise CancelledAlready
    if bought.performance.status == Performance.Status.CANCELLED:
        raise NotCancellable(reservation_status=status, reason="performance_cancelled")
    if status != Reservation.Status.CONFIRMED or bought.payment is None:
        raise NotCancellable(reservation_status=status)
    return bought.payment


def _unused(bought: Purchase, seat_ids: Collection[UUID] | None) -> list[BoughtSeat]:
    chosen = _chosen(bought, seat_ids)
    used = [str(seat.seat_id) for seat in chosen if seat.used]
    if used:
        raise TicketUsed(seat_ids=used)
    return chosen


def _chosen(bought: Purchase, seat_ids: Collection[UUID] | None) -> list[BoughtSeat]:
    if seat_ids is None:
        return [seat for seat in bought.seats if not seat.cancelled]
    wanted = set(seat_ids)
    chosen = [seat for seat in bought.seats if seat.seat_id in wanted]
    strange = wanted - {seat.seat_id for seat in chosen}
    if strange:
        raise NotYourSeats(seat_ids=sorted(map(str, strange)))
    gone = [str(seat.seat_id) for seat in chosen if seat.cancelled]
    if gone:
        raise CancelledAlready(seat_ids=gone)
    return chosen


def _quote(
    bought: Purchase,
    payment: Payment,
    chosen: Collection[BoughtSeat],
    fee: Fee,
    allowed_until: datetime | None,
) -> Quote:
    by_points = dict(_points_of(bought, payment))
    return Quote(
        payment=payment,
        allowed_until=allowed_until,
        per_seat=tuple(_seat_quote(seat, fee, by_points[seat.seat_id], payment) for seat in chosen),
        last=len(chosen) == sum(not seat.cancelled for seat in bought.seats),
        policy_version=bought.table.version,
    )


def _points_of(bought: Purchase, payment: Payment) -> Iterator[tuple[UUID, int]]:
    """Share the points part out (Note [Parts of a seat])."""
    before = upto = 0
    for seat in bought.seats:
        upto += seat.price
        share = payment.points_amount * upto // payment.amount if payment.amount else 0
        yield seat.seat_id, share - before
        before = share


def _seat_quote(seat: BoughtSeat, fee: Fee, by_points: int, payment: Payment) -> SeatQuote:
    kept = fee.of(seat.price)
    back = seat.price - kept
    points = back * by_points // seat.price if seat.price else 0
    money = [Money(amount, payment.currency) for amount in (seat.price, kept, back, points)]
    return SeatQuote(seat.seat_id, *money)
