"""Begin a payment by card: the attempt is committed first, then the gateway opens its page."""

import logging
from datetime import datetime
from uuid import UUID

from django.conf import settings

from events.operations import record
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.money import Money
from kernel.outcomes import result_of
from payments import failures, gateways, locking, metrics, operations, queries
from payments.errors import GatewayUnavailable
from payments.gateways.gateway import Gateway, NotSent
from payments.models import Payment
from payments.operations import Ended, NewPayment
from payments.orders import check_gateway, order_of, return_url_of
from payments.queries import PaymentResult
from payments.usecases.checkout.attempts import abandon_created
from payments.usecases.checkout.errors import PointsAmountMismatch
from payments.usecases.checkout.publication import publish_window
from payments.usecases.checkout.turns import Order
from reservations import operations as reservations

log = logging.getLogger(__name__)
_NOT_OPENED = Ended(Payment.Status.FAILED, failures.GATEWAY_UNAVAILABLE, final=True)


def begin_attempt(order: Order, now: datetime) -> PaymentResult:
    """Write the attempt down, take its points part, and give the hold its time to pay.

    One that was begun before and not confirmed is abandoned. The attempt has an id of its own: what
    an undone one has moved stays named by that one. Raises GatewayUnavailable,
    PointsAmountMismatch, PaymentInProgress, InsufficientPoints and the refusals of the hold.
    """
    gateway = gateways.current()
    if gateway is None:
        raise GatewayUnavailable
    with transaction():
        [outcome] = reservations.lock_for_payment(
            wanted=[(order.reservation_id, order.user_id)], now=now
        )
        locked = result_of(outcome)
        price = locked.reservation.money
        part = Money(order.points_amount or 0, price.currency)
        if not 0 <= part.amount < price.amount:
            raise PointsAmountMismatch(amount=price.as_json())
        abandoned = abandon_created(locked=locked, now=now)
        attempt = NewPayment(
            locked=locked,
            payment_id=uuid7(),
            request_key=order.request_key,
            method=Payment.Method.CARD,
            points=part,
            paid_at=None,
            gateway=gateway.name,
        )
        [payment] = operations.open_payments(attempts=[attempt], now=now)
        held = operations.hold_points(payment=payment, locked=locked, now=now)
        record(events=[*abandoned, *held], now=now)
    publish_window(locked=locked, now=now)
    return queries.payment_result(payment, reservation_status=locked.reservation.status)


def open_page(*, payment_id: UUID, return_url: str | None, now: datetime) -> PaymentResult:
    """Let the gateway open the page of an attempt, and keep its URL.

    May be repeated. Raises GatewayUnavailable: then the attempt is undone, its points are back, and
    the same request may begin again.
    """
    gateway = gateways.current()
    payment = queries.attempt(payment_id=payment_id)
    has_page = False
    try:
        has_page = _open(gateway, payment, return_url)
    except NotSent as reason:
        log.warning("gateway opens no page", extra={"payment": str(payment_id)}, exc_info=reason)
        if _undo(payment_id, now):
            raise GatewayUnavailable from reason
    if not has_page:  # it has ended, or has its page from another execution
        payment = queries.attempt(payment_id=payment_id)
    metrics.payments.labels(payment.method, "begun").inc()
    return queries.payment_result(payment, reservation_status=payment.reservation.status)


def _open(gateway: Gateway | None, payment: Payment, return_url: str | None) -> bool:
    """Open the page and keep it; False where the attempt has ended meanwhile. Raises NotSent."""
    if gateway is None:
        raise NotSent("no gateway is in use")
    check_gateway(gateway, payment)
    order = order_of(payment, name=queries.order_name(reservation_id=payment.reservation_id))
    url = return_url_of(
        return_url or f"{settings.FRONTROW_URL}/", parameter="payment", row_id=payment.pk
    )
    page = gateway.open(order, return_url=url)
    return operations.keep_page(row=payment, url=page.url, payment_key=page.payment_key or "")


def _undo(payment_id: UUID, now: datetime) -> bool:
    """End an attempt that has no page; False where it has one or has ended by itself."""
    keys = queries.attempt_keys(payment_id=payment_id)
    with transaction():
        locked = reservations.lock_reservation(
            reservation_id=keys.reservation_id, user_id=keys.user_id
        )
        payment = locking.lock_payment(payment_id=payment_id)
        if payment.status != Payment.Status.CREATED or payment.checkout_url:
            return False
        events = operations.end(payment=payment, locked=locked, ended=_NOT_OPENED, now=now)
        operations.give_key_back(row=payment)
        record(events=events, now=now)
    return True
