"""Pay for a reservation."""

from datetime import datetime
from uuid import UUID

from events.operations import NewEvent, record
from idempotency.usecases.attempts import KeyReused, execute_once
from kernel.db.transaction import run_after_commit, transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money
from payments import metrics, operations, queries
from payments.models import Payment
from payments.queries import PaymentResult
from points import events as points_events
from points import operations as points
from points.policy import Kind as Movement
from queueing.usecases import waiting_room
from reservations import operations as reservations
from reservations import store
from reservations.models import Reservation
from reservations.operations import LockedReservation


class GatewayUnavailable(DomainError):
    """Cards can't be taken now; nothing was charged."""

    code = "gateway_unavailable"
    kind = Kind.UNAVAILABLE
    message = text(
        en="Cards can not be taken at the moment. Nothing was charged.",
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


def begin(
    *,
    user_id: UUID,
    reservation_id: UUID,
    method: Payment.Method,
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
    PointsAmountMismatch, GatewayUnavailable.
    """
    try:
        made = execute_once(
            lambda: _begin(
                user_id, reservation_id, method, points_amount, payment_id, request_key, now
            ),
            find=lambda: queries.payment_of_request(request_key=request_key),
            resumed=resumed,
        )
    except DomainError as refusal:
        metrics.payments.labels(method, refusal.code).inc()
        raise
    if made.reservation.id != reservation_id:
        raise KeyReused
    return made


def _begin(
    user_id: UUID,
    reservation_id: UUID,
    method: Payment.Method,
    points_amount: int | None,
    payment_id: UUID,
    request_key: str,
    now: datetime,
) -> PaymentResult:
    if method == Payment.Method.CARD:
        raise GatewayUnavailable
    return _pay_by_points(user_id, reservation_id, points_amount, payment_id, request_key, now)


def _pay_by_points(
    user_id: UUID,
    reservation_id: UUID,
    points_amount: int | None,
    payment_id: UUID,
    request_key: str,
    now: datetime,
) -> PaymentResult:
    with transaction():
        locked = reservations.lock_for_payment(
            reservation_id=reservation_id, user_id=user_id, now=now
        )
        amount = locked.reservation.money
        if points_amount is not None and points_amount != amount.amount:
            raise PointsAmountMismatch(amount=amount.as_json())
        payment = operations.open_payment(
            locked=locked,
            payment_id=payment_id,
            request_key=request_key,
            method=Payment.Method.POINTS,
            points=amount,
            paid_at=now,
            now=now,
        )
        happened = _spend(payment, amount, now) if amount.amount else []
        happened += operations.complete(locked=locked, payment=payment, now=now)
        record(events=happened, now=now)
        run_after_commit(lambda: _tell(locked, now))
    metrics.payments.labels(payment.method, "paid").inc()
    payment.reservation = locked.reservation
    return queries.payment_result(payment, reservation_status=Reservation.Status.CONFIRMED)


def _spend(payment: Payment, amount: Money, now: datetime) -> list[NewEvent]:
    spent = points.pay(
        user_id=payment.user_id,
        amount=amount,
        kind=Movement.PAYMENT,
        reference=payment.pk,
        now=now,
    )
    return [points_events.spent(spent)]


def _tell(locked: LockedReservation, now: datetime) -> None:
    """Tell the gate and the waiting room at once; both are put right without it, only later."""
    reservation = locked.reservation
    store.seats_changed(
        performance_id=reservation.performance_id,
        reservation_id=reservation.pk,
        seat_ids=locked.seat_ids,
        now=now,
    )
    waiting_room.finish(
        user_id=reservation.user_id, performance_id=reservation.performance_id, now=now
    )
