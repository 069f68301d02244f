"""The use case of paying for a reservation: one table of methods, one way for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events.operations import NewEvent, record
from idempotency.usecases.leases import KeyReused, execute_once
from kernel.db.transaction import run_after_commit, transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money
from payments import metrics, operations, queries
from payments.models import Payment
from payments.queries import PaymentResult
from points import events as points_events
from points import operations as points
from points.policy import TransferKind
from queueing.usecases import waiting_room
from reservations import operations as reservations
from reservations import seat_changes
from reservations.claims import Claim
from reservations.models import Reservation
from reservations.operations import LockedReservation


class GatewayUnavailable(DomainError):
    """Cards cannot be taken now; nothing was charged."""

    code = "gateway_unavailable"
    kind = Kind.UNAVAILABLE
    message = text(
        en="Cards cannot be taken at the moment. Nothing was charged.",
        ko="지금은 카드로 결제할 수 없습니다. 결제된 금액은 없습니다.",
    )
    retry_after = 60


class PointsAmountMismatch(DomainError):
    """Paying by points alone means paying all of it by points."""

    code = "points_amount_mismatch"
    kind = Kind.INVALID
    message = text(
        en="A payment by points must cover the whole amount.",
        ko="포인트 결제는 전체 금액을 포인트로 결제해야 합니다.",
    )


class PaymentMethodUnknown(DomainError):
    """No code here takes money by this method, so nothing begins."""

    code = "payment_method_unknown"
    kind = Kind.INVALID
    message = text(
        en="There is no such method of payment. Nothing was charged.",
        ko="지원하지 않는 결제 수단입니다. 결제된 금액은 없습니다.",
    )


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be paid, by whom, and by which request."""

    user_id: UUID
    reservation_id: UUID
    points_amount: int | None
    payment_id: UUID
    request_key: str
    now: datetime


def begin(
    *,
    user_id: UUID,
    reservation_id: UUID,
    method: str,
    points_amount: int | None,
    payment_id: UUID,
    request_key: str,
    resumed: bool,
    now: datetime,
) -> PaymentResult:
    """Begin a payment; one by points alone is settled in the same transaction.

    The live hold's deadline is judged by `now`. `resumed` says that the same request may have been
    executed before: then its payment is looked up first. Raises ReservationNotFound,
    ReservationExpired, ReservationNotPayable, InsufficientPoints, PaymentInProgress,
    PointsAmountMismatch, GatewayUnavailable, PaymentMethodUnknown.
    """
    pay = _METHODS.get(method)
    if pay is None:
        raise PaymentMethodUnknown
    order = _Order(user_id, reservation_id, points_amount, payment_id, request_key, now)
    try:
        payment = execute_once(
            lambda: pay(order),
            find=lambda: queries.payment_of_request(request_key=request_key),
            resumed=resumed,
        )
    except DomainError as refusal:
        metrics.payments.labels(method, refusal.code).inc()
        raise
    if payment.reservation.id != reservation_id:
        raise KeyReused
    return payment


def _refuse_card(order: _Order) -> PaymentResult:
    raise GatewayUnavailable


def _pay_by_points(order: _Order) -> PaymentResult:
    now = order.now
    with transaction():
        locked = reservations.lock_for_payment(
            reservation_id=order.reservation_id, user_id=order.user_id, now=now
        )
        amount = locked.reservation.money
        if order.points_amount is not None and order.points_amount != amount.amount:
            raise PointsAmountMismatch(amount=amount.as_json())
        payment = operations.open_payment(
            locked=locked,
            payment_id=order.payment_id,
            request_key=order.request_key,
            method=Payment.Method.POINTS,
            points=amount,
            paid_at=now,
            now=now,
        )
        new_events = _spend(payment, amount, now) if amount.amount else []
        new_events += operations.complete(locked=locked, payment=payment, now=now)
        record(events=new_events, now=now)
        run_after_commit(lambda: _publish_sale(locked, now))
    metrics.payments.labels(payment.method, "paid").inc()
    payment.reservation = locked.reservation
    return queries.payment_result(payment, reservation_status=Reservation.Status.CONFIRMED)


# Every method that money is taken by; `begin` refuses what isn't here.
_METHODS: Mapping[str, Callable[[_Order], PaymentResult]] = {
    Payment.Method.POINTS: _pay_by_points,
    Payment.Method.CARD: _refuse_card,
}


def _spend(payment: Payment, amount: Money, now: datetime) -> list[NewEvent]:
    spent = points.pay(
        user_id=payment.user_id,
        amount=amount,
        kind=TransferKind.PAYMENT,
        reference=payment.pk,
        now=now,
    )
    return [points_events.spent(spent)]


def _publish_sale(locked: LockedReservation, now: datetime) -> None:
    """Update the seat claims and the waiting room at once; without this both follow later."""
    reservation = locked.reservation
    seat_changes.publish(
        performance_id=reservation.performance_id,
        claims=[Claim(seat_id, reservation.pk) for seat_id in locked.seat_ids],
        writer=reservation.pk,
        now=now,
    )
    waiting_room.finish(
        user_id=reservation.user_id, performance_id=reservation.performance_id, now=now
    )
