"""The reads of what was bought and of what was given back, from the primary."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, Sum

from concerts.models import Performance
from kernel.money import Money
from payments import fees
from payments.cancellation import BoughtSeat, Purchase
from payments.fees import FeeTable
from payments.models import Cancellation, Payment, Refund, RefundPolicy, RefundRun
from payments.orders import cancellation_keys_of
from payments.queries import PaidReservation
from reservations.models import Reservation, ReservationSeat, SeatInventory
from reservations.operations import ReservationNotFound
from tickets.models import Ticket

DONE = "DONE"
PROCESSING = "PROCESSING"
REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class CancellationResult:
    """Seats given up, and the money on its way back; DONE once all of it has arrived.

    `refund` is what was paid less the fee; `points_amount` a part of it, which is back already.
    """

    id: UUID
    status: str
    reservation: PaidReservation
    seat_ids: list[UUID]
    paid: Money
    fee: Money
    refund: Money
    points_amount: Money
    created_at: datetime


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Money of a reservation that went or goes back to its fan.

    `status` is DONE, PROCESSING or REFUSED (the gateway has refused a part, and staff see to it).
    `paid` and `fee` are those of the seats given up; None of late money, which bought none.
    """

    status: str
    refund: Money
    points: Money
    created_at: datetime
    paid: Money | None = None
    fee: Money | None = None


def given_back(*, reservation_id: UUID) -> list[GivenBack]:
    """Return what a reservation gave back, the earliest first: two statements."""
    cancellations = Cancellation.objects.filter(payment__reservation=reservation_id)
    refunds = {
        row.request_key: row for row in Refund.objects.filter(payment__reservation=reservation_id)
    }
    found = []
    for row in cancellations:
        own = [refunds.pop(key) for key in cancellation_keys_of(row.pk) if key in refunds]
        found.append(
            GivenBack(
                status=_progress(own),
                refund=row.refund_money,
                points=Money(row.points_amount, row.currency),
                created_at=row.created_at,
                paid=Money(row.paid, row.currency),
                fee=Money(row.fee, row.currency),
            )
        )
    found += [
        GivenBack(_progress([row]), row.money, row.points, row.created_at)
        for row in refunds.values()
    ]
    return sorted(found, key=lambda one: one.created_at)


def _progress(refunds: list[Refund]) -> str:
    statuses = {refund.status for refund in refunds}
    if Refund.Status.REFUSED in statuses:
        return REFUSED
    return DONE if statuses <= {Refund.Status.DONE} else PROCESSING


def purchase(*, reservation_id: UUID, user_id: UUID) -> Purchase:
    """Return what a fan has bought by a reservation: five statements.

    Behind its locks it is what counts (Note [Facts under lock]). Raises ReservationNotFound.
    """
    rows = Reservation.objects.select_related("performance")
    reservation = rows.filter(pk=reservation_id, user_id=user_id).first()
    if reservation is None:
        raise ReservationNotFound
    used = set(
        Ticket.objects.filter(reservation=reservation_id, status=Ticket.Status.USED).values_list(
            "seat_id", flat=True
        )
    )
    seats = ReservationSeat.objects.filter(reservation=reservation_id).order_by("seat_id")
    paid = Payment.objects.filter(reservation=reservation_id, status=Payment.Status.PAID)
    return Purchase(
        reservation=reservation,
        performance=reservation.performance,
        payment=paid.select_related("reservation").first(),
        seats=tuple(
            BoughtSeat(seat_id, price, cancelled_at is not None, seat_id in used)
            for seat_id, price, cancelled_at in seats.values_list(
                "seat_id", "price", "cancelled_at"
            )
        ),
        table=fee_table(performance_id=reservation.performance_id),
    )


def buyer_of(*, reservation_id: UUID) -> UUID:
    """Return the fan whose reservation it is. Raises ReservationNotFound."""
    rows = Reservation.objects.filter(pk=reservation_id).values_list("user_id", flat=True)
    buyer = rows.first()
    if buyer is None:
        raise ReservationNotFound
    return buyer


def goodwill_since(*, user_id: UUID, since: datetime) -> int:
    """Return what a fan was refunded beyond the policy since a moment, in minor units."""
    rows = Cancellation.objects.filter(
        payment__user=user_id, reason=Refund.Reason.GOODWILL, created_at__gte=since
    )
    return int(rows.aggregate(sum=Sum("paid"))["sum"] or 0)


def fee_table(*, performance_id: UUID) -> FeeTable:
    """Return the fee table of a performance: its own, else everybody's, else the one built in."""
    row = (
        RefundPolicy.objects.filter(Q(performance=performance_id) | Q(performance=None))
        .order_by(F("performance").asc(nulls_last=True))
        .first()
    )
    return fees.BUILT_IN if row is None else fees.parse(row.fees, version=row.version)


def cancellation_of_request(*, request_key: str) -> CancellationResult | None:
    """Return what an earlier execution of the same request gave up."""
    rows = Cancellation.objects.select_related("payment__reservation")
    found = rows.filter(request_key=request_key).first()
    return None if found is None else _result(found)


def cancellation(*, cancellation_id: UUID) -> CancellationResult:
    """Return what was given up, and how far its refunds have come."""
    rows = Cancellation.objects.select_related("payment__reservation")
    return _result(rows.get(pk=cancellation_id))


def _result(row: Cancellation) -> CancellationResult:
    keys = cancellation_keys_of(row.pk)
    open_refunds = Refund.objects.filter(request_key__in=keys).exclude(status=Refund.Status.DONE)
    reservation = row.payment.reservation
    return CancellationResult(
        id=row.pk,
        status=PROCESSING if open_refunds.exists() else DONE,
        reservation=PaidReservation(reservation.pk, reservation.status, reservation.performance_id),
        seat_ids=row.seat_ids,
        paid=Money(row.paid, row.currency),
        fee=Money(row.fee, row.currency),
        refund=row.refund_money,
        points_amount=Money(row.points_amount, row.currency),
        created_at=row.created_at,
    )


def sold_reservations(
    *, performance_id: UUID, after: UUID | None, limit: int
) -> list[tuple[UUID, UUID]]:
    """Return up to `limit` reservations with sold seats, by id, and their fans."""
    sold = SeatInventory.objects.filter(
        performance=performance_id, status=SeatInventory.Status.RESERVED
    )
    if after is not None:
        sold = sold.filter(reservation_id__gt=after)
    found = sold.order_by("reservation_id").values_list("reservation_id", flat=True).distinct()
    ids = [key for key in found[:limit] if key is not None]
    rows = Reservation.objects.filter(pk__in=ids).order_by("pk")
    return list(rows.values_list("pk", "user_id"))


def to_refund() -> list[UUID]:
    """Return the cancelled performances that still have sold seats."""
    sold = SeatInventory.objects.filter(
        performance=OuterRef("pk"), status=SeatInventory.Status.RESERVED
    )
    rows = Performance.objects.filter(Exists(sold), status=Performance.Status.CANCELLED)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def refund_run(*, performance_id: UUID) -> RefundRun | None:
    """Return how far the refunds of a performance have come."""
    return RefundRun.objects.filter(pk=performance_id).first()
