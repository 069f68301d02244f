"""The use case of giving money back: what a refund says, done once."""

import logging
from datetime import datetime
from uuid import UUID

from events.operations import record
from kernel.db.transaction import transaction
from kernel.money import Money
from payments import gateways, locking, metrics, operations, queries
from payments.gateways.gateway import (
    Gateway,
    GatewayPayment,
    MoneyState,
    NotSent,
    OutcomeUnknown,
    RefundRefused,
)
from payments.models import Refund
from payments.models.refunds import OPEN_REFUNDS
from payments.orders import find_order
from reservations import operations as reservations

log = logging.getLogger(__name__)


def carry_on(*, gateway: Gateway, refund_id: UUID, now: datetime) -> str:
    """Ask the gateway for a refund that is not done, and write down what it says; repeatable.

    However often it is asked, the gateway gives the money back once for the refund's key. Returns
    the outcome as the metric calls it.
    """
    outcome = _ask_for(gateway, queries.refund(refund_id=refund_id), refund_id, now)
    metrics.refunds.labels(outcome).inc()
    return outcome


def try_at_once(*, refund_id: UUID, now: datetime) -> None:
    """Ask for a refund that was just committed; what fails is left to the reconciler."""
    gateway = gateways.current()
    if gateway is None:
        return
    try:
        with transaction():
            operations.mark_refunds_requested(refund_ids=[refund_id])
        carry_on(gateway=gateway, refund_id=refund_id, now=now)
    except Exception:
        log.exception("refund not tried at once", extra={"refund": str(refund_id)})


def _ask_for(gateway: Gateway, refund: Refund, refund_id: UUID, now: datetime) -> str:
    try:
        found = find_order(gateway, refund.payment)
        if found is None:
            return "unknown"  # it captured this order: it will know it again
        _give_back(gateway, refund, found)
    except NotSent:
        return "not_sent"
    except OutcomeUnknown:
        return _write(refund_id, "unknown", "", now)
    except RefundRefused as refusal:
        log.error("refund refused", extra={"refund": str(refund_id)}, exc_info=refusal)
        return _write(refund_id, "refused", str(refusal), now)
    return _write(refund_id, "done", "", now)


def _give_back(gateway: Gateway, refund: Refund, found: GatewayPayment) -> None:
    if not refund.gateway_money.amount or found.state is MoneyState.REFUNDED:
        return  # points alone, or all of it is back already
    amount = refund.gateway_money
    if refund.reason == Refund.Reason.LATE_CAPTURE:
        # Somebody may have given a part back by hand.
        left = found.amount.amount - found.refunded.amount
        amount = Money(min(amount.amount, left), amount.currency)
    gateway.refund(found, amount, request_key=refund.request_key, reason=refund.reason)


def _write(refund_id: UUID, outcome: str, message: str, now: datetime) -> str:
    payment_id = queries.refund(refund_id=refund_id).payment_id
    keys = queries.attempt_keys(payment_id=payment_id)
    with transaction():
        locked = reservations.lock_reservation(
            reservation_id=keys.reservation_id, user_id=keys.user_id
        )
        locking.lock_payment(payment_id=payment_id)
        refund = locking.lock_refund(refund_id=refund_id)
        if refund.status not in OPEN_REFUNDS:
            return outcome
        if outcome == "done":
            record(events=operations.mark_done(refund=refund, locked=locked, now=now), now=now)
        elif outcome == "refused":
            operations.mark_refused(refund=refund, message=message)
        else:
            operations.mark_refund_unknown(refund=refund)
    return outcome
