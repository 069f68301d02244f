"""The reads of payments and charges, from the primary."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from kernel.db.arrays import array_of
from kernel.errors import DomainError, Kind
from kernel.i18n import localized, text
from kernel.money import Money
from payments import failures
from payments.models import LIVE_STATUSES, OPEN_STATUSES, Charge, Offer, Payment, Refund
from payments.models.refunds import OPEN_REFUNDS
from payments.offer_queries import ShownOffer, open_offers, shown_offer
from payments.public import FAILED, REQUIRES_ACTION, public_status
from points import queries as points
from points.policy import TransferKind
from reservations.models import ReservationSeat


class PaymentNotFound(DomainError):
    """The caller has no such payment."""

    code = "payment_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such payment.", ko="결제를 찾을 수 없습니다.")


class ChargeNotFound(DomainError):
    """The caller has no such charge."""

    code = "charge_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such charge.", ko="충전 내역을 찾을 수 없습니다.")


@dataclass(frozen=True, slots=True)
class PaidReservation:
    """The reservation that a payment is for."""

    id: UUID
    status: str
    performance_id: UUID


@dataclass(frozen=True, slots=True)
class ShownFailure:
    """Why an attempt ended without money, for its fan: nothing was charged, or it is back."""

    code: str
    message: str
    charged: bool = False


@dataclass(frozen=True, slots=True)
class PaymentResult:
    """A payment as its fan sees it; `status` is one of `payments.public`.

    While it requires action: the page of the gateway, and the order there. `offer`: other seats
    for money that came when the chosen ones were gone.
    """

    id: UUID
    status: str
    method: str
    amount: Money
    points_amount: Money
    reservation: PaidReservation
    created_at: datetime
    checkout_url: str | None = None
    order_id: str | None = None
    failure: ShownFailure | None = None
    offer: ShownOffer | None = None


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """Points bought, and the balance they left, or the present one; as a PaymentResult else."""

    id: UUID
    status: str
    amount: Money
    balance: Money
    created_at: datetime
    checkout_url: str | None = None
    order_id: str | None = None
    failure: ShownFailure | None = None


def payment(*, payment_id: UUID, user_id: UUID) -> PaymentResult:
    """Return the caller's payment. Raises PaymentNotFound, for others' too."""
    found = _payments().filter(pk=payment_id, user_id=user_id).first()
    if found is None:
        raise PaymentNotFound
    return payment_result(found, reservation_status=found.reservation.status)


def payment_of_request(*, request_key: str) -> PaymentResult | None:
    """Return the result of an earlier execution of the same request."""
    found = _payments().filter(request_key=request_key).first()
    if found is None:
        return None
    return payment_result(found, reservation_status=found.reservation.status)


def with_payment(*, request_keys: Collection[str]) -> set[str]:
    """Return those of the request keys under which there is a payment."""
    made = Payment.objects.filter(request_key__in=request_keys)
    return set(made.values_list("request_key", flat=True))


def with_live_payment(*, reservation_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return the status of the live payment of each of the reservations that has one.

    The seats of an open offer are paid by late money already: one of its holds has LATE_CAPTURED.
    Under the reservations' locks nobody adds one: every payment is written under them.
    """
    keys = array_of(reservation_ids)
    with connection.cursor() as cursor:
        offered = [Payment.Status.LATE_CAPTURED, keys, Offer.Status.OPEN]
        cursor.execute(_LIVE_PAYMENTS, [keys, LIVE_STATUSES, *offered])
        return dict(cursor.fetchall())


# As SQL: every settlement asks, and building it from models takes longer than reading by it.
_LIVE_PAYMENTS = """
    SELECT reservation_id, status
    FROM payments_payment
    WHERE reservation_id = ANY(%s::uuid[]) AND status = ANY(%s)
    UNION ALL  -- the seats of an open offer
    SELECT reservation_id, %s FROM payments_offer
    WHERE reservation_id = ANY(%s::uuid[]) AND status = %s
"""


@dataclass(frozen=True, slots=True)
class AttemptKeys:
    """Whose attempt it is and what it pays for, which an offer that is accepted alone changes."""

    payment_id: UUID
    user_id: UUID
    reservation_id: UUID
    performance_id: UUID


def attempt_keys(*, payment_id: UUID, user_id: UUID | None = None) -> AttemptKeys:
    """Return what must be locked for a payment. Raises PaymentNotFound, for others' too."""
    rows = Payment.objects.filter(pk=payment_id)
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    found = rows.values_list("pk", "user_id", "reservation_id", "reservation__performance_id")
    keys = found.first()
    if keys is None:
        raise PaymentNotFound
    return AttemptKeys(*keys)


def attempt(*, payment_id: UUID) -> Payment:
    """Return the row of a payment with its reservation, as it is now and without a lock."""
    return _payments().get(pk=payment_id)


def refund(*, refund_id: UUID) -> Refund:
    """Return the row of a refund with its payment, as it is now and without a lock."""
    return Refund.objects.select_related("payment__reservation").get(pk=refund_id)


def unresolved() -> int:
    """Return how many payments, charges, refunds and offers are still open."""
    payments = Payment.objects.filter(status__in=OPEN_STATUSES, resolve_after__isnull=False)
    charges = Charge.objects.filter(status__in=OPEN_STATUSES, resolve_after__isnull=False)
    refunds = Refund.objects.filter(status__in=OPEN_REFUNDS)
    return payments.count() + charges.count() + refunds.count() + open_offers()


def unsettled_of(*, user_id: UUID) -> list[UUID]:
    """Return the fan's payments, charges and refunds whose money may still move, by id.

    Those that ended without money count while the gateway is still asked about them, and a payment
    while other seats are on offer for it.
    """
    open_row = Q(status__in=OPEN_STATUSES) | Q(resolve_after__isnull=False)
    offered = Q(offer__status=Offer.Status.OPEN)
    refunded = Q(refunds__status__in=OPEN_REFUNDS)
    payments = Payment.objects.filter(open_row | offered | refunded, user_id=user_id)
    charges = Charge.objects.filter(open_row, user_id=user_id)
    found = {*payments.values_list("pk", flat=True), *charges.values_list("pk", flat=True)}
    return sorted(found)


def order_name(*, reservation_id: UUID) -> str:
    """Return what a gateway's page calls the seats of a reservation, in the active language."""
    rows = ReservationSeat.objects.filter(reservation=reservation_id)
    seats = list(rows.select_related("reservation__performance__concert"))
    title = localized(seats[0].reservation.performance.concert, "title")
    return str(text(en=f"{title}, seats: {len(seats)}", ko=f"{title} {len(seats)}석"))


def charge(*, charge_id: UUID, user_id: UUID) -> ChargeResult:
    """Return the caller's charge. Raises ChargeNotFound, for others' too."""
    found = Charge.objects.filter(pk=charge_id, user_id=user_id).first()
    if found is None:
        raise ChargeNotFound
    return _charge_result(found)


def charge_by_id(*, charge_id: UUID) -> ChargeResult:
    """Return a charge as its fan sees it."""
    return _charge_result(charge_row(charge_id=charge_id))


def charge_row(*, charge_id: UUID) -> Charge:
    """Return the row of a charge, as it is now and without a lock."""
    return Charge.objects.get(pk=charge_id)


def charge_of_request(*, request_key: str) -> ChargeResult | None:
    """Return the result of an earlier execution of the same request."""
    found = Charge.objects.filter(request_key=request_key).first()
    return None if found is None else _charge_result(found)


def payment_result(payment: Payment, *, reservation_status: str) -> PaymentResult:
    """Return a payment as its fan sees it; its reservation must be loaded."""
    late = payment.status == Payment.Status.LATE_CAPTURED
    status = public_status(payment.status, given_back=late and _given_back(payment))
    waits = status == REQUIRES_ACTION
    return PaymentResult(
        id=payment.pk,
        status=status,
        method=payment.method,
        amount=payment.money,
        points_amount=payment.points,
        reservation=PaidReservation(
            payment.reservation_id, reservation_status, payment.reservation.performance_id
        ),
        created_at=payment.created_at,
        checkout_url=payment.checkout_url or None if waits else None,
        order_id=payment.order_id if waits else None,
        failure=_failure(payment) if status == FAILED else None,
        offer=shown_offer(payment),
    )


def _given_back(payment: Payment) -> bool:
    refunds = Refund.objects.filter(payment=payment, status=Refund.Status.DONE)
    return sum(refunds.values_list("amount", flat=True)) == payment.gateway_money.amount


def _failure(row: Payment | Charge) -> ShownFailure:
    message = row.failure_message or failures.message_of(row.failure_code)
    return ShownFailure(row.failure_code, message)


def charge_result(charge: Charge, *, balance: Money) -> ChargeResult:
    """Return a charge as its fan sees it."""
    status = public_status(charge.status)
    waits = status == REQUIRES_ACTION
    return ChargeResult(
        id=charge.pk,
        status=status,
        amount=charge.money,
        balance=balance,
        created_at=charge.created_at,
        checkout_url=charge.checkout_url or None if waits else None,
        order_id=charge.order_id if waits else None,
        failure=_failure(charge) if status == FAILED else None,
    )


def _payments() -> "QuerySet[Payment]":
    return Payment.objects.select_related("reservation")


def _charge_result(charge: Charge) -> ChargeResult:
    if charge.status != Charge.Status.PAID:
        return charge_result(charge, balance=points.balance(user_id=charge.user_id))
    balance = points.balance_after(
        kind=TransferKind.CHARGE, reference=charge.pk, user_id=charge.user_id
    )
    return charge_result(charge, balance=balance)
