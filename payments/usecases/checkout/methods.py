"""Begin to pay for a reservation: one table of methods, one way for each."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from idempotency.errors import KeyReused
from idempotency.usecases.leases import execute_once, may_hide_effect
from kernel.errors import DomainError
from kernel.outcomes import Outcome, Undecided, outcome_of, result_of
from payments import metrics, queries
from payments.models import Payment
from payments.public import REQUIRES_ACTION
from payments.queries import PaymentResult
from payments.usecases.checkout import card
from payments.usecases.checkout.errors import PaymentMethodUnknown
from payments.usecases.checkout.settlement import (
    Decision,
    OrderAlone,
    settle_at_once,
    settle_many,
)
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
    return_url: str | None = None,
) -> PaymentResult:
    """Begin a payment; one by points alone is settled at once, as a batch of one.

    One by card requires action: its fan pays `checkout_url`, and then it is confirmed.

    The live hold's deadline is judged by `now`. `resumed` says that the same request may have been
    executed before: then its payment is looked up first. Raises ReservationNotFound,
    ReservationExpired, ReservationNotPayable, InsufficientPoints, PaymentInProgress,
    PointsAmountMismatch, GatewayUnavailable, PaymentMethodUnknown.
    """
    order = Order(
        user_id, reservation_id, points_amount, payment_id, request_key, return_url, resumed
    )
    return _begin(order, method, now)


def _begin(order: Order, method: str, now: datetime) -> PaymentResult:
    pay = _METHODS.get(method)
    if pay is None:
        raise PaymentMethodUnknown
    try:
        payment = execute_once(
            lambda: pay(order, now),
            find=lambda: queries.payment_of_request(request_key=order.request_key),
            resumed=order.resumed,
        )
    except DomainError as refusal:
        metrics.payments.labels(method, refusal.code).inc()
        raise
    if payment.reservation.id != order.reservation_id:
        raise KeyReused
    if payment.status == REQUIRES_ACTION and payment.checkout_url is None:
        # Outside every transaction, and again where the execution before died at it.
        return card.open_page(payment_id=payment.id, return_url=order.return_url, now=now)
    return payment


@dataclass(frozen=True, slots=True)
class BeginAlone(Undecided[PaymentResult]):
    """An order by points that could not be decided with the others of a batch, and goes alone."""

    order: Order
    now: datetime

    def decide(self) -> Outcome[PaymentResult]:
        """Begin the payment as `begin` does."""
        return outcome_of(_begin, self.order, Payment.Method.POINTS, self.now)


def begin_at_once(
    orders: Sequence[Order], *, now: datetime
) -> list[Outcome[PaymentResult] | BeginAlone]:
    """Begin the payments by points of up to `policy.PAYMENTS_PER_BATCH` orders, waiting for nobody.

    Returns for each what `begin` returns or raises, or `BeginAlone`: one that met a lock, and one
    whose payment is or may be there already. All share one transaction, and one look-up for those
    who are refused. For callers that answer who is decided, and let the others wait elsewhere.
    """
    fresh = [order for order in orders if not order.resumed]
    settled = iter(settle_at_once(fresh, now=now))
    decisions: list[Decision] = [
        OrderAlone(order, now) if order.resumed else next(settled) for order in orders
    ]
    made = _made_before(orders, decisions)
    return [_begun_at_once(*one, made, now) for one in zip(orders, decisions, strict=True)]


def _made_before(
    orders: Sequence[Order], decisions: Sequence[Decision]
) -> Outcome[Collection[str]]:
    """Return the request keys, among those of the refused, under which there is a payment."""
    refused = [
        order.request_key
        for order, decision in zip(orders, decisions, strict=True)
        if isinstance(decision, Exception) and may_hide_effect(decision)
    ]
    return outcome_of(queries.with_payment, request_keys=refused) if refused else ()


def _begun_at_once(
    order: Order, decision: Decision, made: Outcome[Collection[str]], now: datetime
) -> Outcome[PaymentResult] | BeginAlone:
    if isinstance(decision, OrderAlone):
        return BeginAlone(order, now)
    if isinstance(decision, Exception) and may_hide_effect(decision):
        if isinstance(made, Exception):
            return made  # it may have been paid, and nobody knows
        if order.request_key in made:
            return BeginAlone(replace(order, resumed=True), now)
    if isinstance(decision, DomainError):
        metrics.payments.labels(Payment.Method.POINTS, decision.code).inc()
    return decision


def _pay_by_points(order: Order, now: datetime) -> PaymentResult:
    return result_of(settle_many([order], now=now)[0])


# Every method that money is taken by; `begin` refuses what isn't here.
_METHODS: Mapping[str, Callable[[Order, datetime], PaymentResult]] = {
    Payment.Method.POINTS: _pay_by_points,
    Payment.Method.CARD: card.begin_attempt,
}
