"""Begin to pay for a reservation: one table of methods, one way for each."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from idempotency.usecases.leases import KeyReused, execute_once
from kernel.errors import DomainError
from kernel.outcomes import result_of
from payments import metrics, queries
from payments.models import Payment
from payments.queries import PaymentResult
from payments.usecases.checkout.errors import GatewayUnavailable, PaymentMethodUnknown
from payments.usecases.checkout.settlement import settle_many
from payments.usecases.checkout.turns import Order


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
    """Begin a payment; one by points alone is settled at once, as a batch of one.

    The live hold's deadline is judged by `now`. `resumed` says that the same request may have been
    executed before: then its payment is looked up first. Raises ReservationNotFound,
    ReservationExpired, ReservationNotPayable, InsufficientPoints, PaymentInProgress,
    PointsAmountMismatch, GatewayUnavailable, PaymentMethodUnknown.
    """
    pay = _METHODS.get(method)
    if pay is None:
        raise PaymentMethodUnknown
    order = Order(user_id, reservation_id, points_amount, payment_id, request_key)
    try:
        payment = execute_once(
            lambda: pay(order, now),
            find=lambda: queries.payment_of_request(request_key=request_key),
            resumed=resumed,
        )
    except DomainError as refusal:
        metrics.payments.labels(method, refusal.code).inc()
        raise
    if payment.reservation.id != reservation_id:
        raise KeyReused
    return payment


def _refuse_card(order: Order, now: datetime) -> PaymentResult:
    raise GatewayUnavailable


def _pay_by_points(order: Order, now: datetime) -> PaymentResult:
    return result_of(settle_many([order], now=now)[0])


# Every method that money is taken by; `begin` refuses what isn't here.
_METHODS: Mapping[str, Callable[[Order, datetime], PaymentResult]] = {
    Payment.Method.POINTS: _pay_by_points,
    Payment.Method.CARD: _refuse_card,
}
