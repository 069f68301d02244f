"""The reconciler: it finds out what a gateway has still to answer, batch by batch.

Note [When the gateway is asked] in policy.py says when. Each look-up is claimed before it is made,
so that a process that dies at it leaves it due again, and several reconcilers share the work.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.db.transaction import transaction
from payments import gateways, metrics, offer_queries, operations, policy, queries
from payments.gateways.gateway import Gateway, NotSent, OutcomeUnknown
from payments.models import Charge, Payment, Refund
from payments.orders import find_order
from payments.usecases.charging import settle_charge
from payments.usecases.checkout import settle
from payments.usecases.checkout.offers import lapse
from payments.usecases.refunding import carry_on

log = logging.getLogger(__name__)

_IN_DOUBT = {Payment.Status.REQUESTED, Payment.Status.UNKNOWN}
NOT_SENT = "not_sent"
ERROR = "error"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one batch looked at: how many, and how many of them the gateway could not be asked."""

    looked_up: int = 0
    refunds: int = 0
    not_sent: int = 0
    errors: int = 0

    @property
    def total(self) -> int:
        """How many rows the batch took on."""
        return self.looked_up + self.refunds


def reconcile(*, now: datetime, limit: int = policy.LOOK_UPS_PER_BATCH) -> Reconciled:
    """Look up to `limit` payments, and charges, up, and carry on with refunds that are due.

    What webhooks have announced is due at once; offers whose time has passed lapse. Does nothing
    without a gateway. What fails is due again later; it stops nothing else.
    """
    gateway = gateways.current()
    if gateway is None:
        return Reconciled()
    with transaction():
        operations.take_notices(limit=limit, now=now)
    with transaction():
        payments = operations.claim_due(Payment, limit=limit, now=now)
        charges = operations.claim_due(Charge, limit=limit, now=now)
    settled = _each(payments, lambda pk: _look_up_payment(gateway, pk, now))
    settled += _each(charges, lambda pk: _look_up_charge(gateway, pk, now))
    offers = offer_queries.due_offers(limit=policy.OFFERS_PER_BATCH, now=now)
    lapsed = _each(offers, lambda pk: lapse(offer_id=pk, now=now))
    # After those two: late money that they found to go back does so at once.
    with transaction():
        refunds = operations.claim_due(Refund, limit=limit, now=now)
        operations.mark_refunds_requested(refund_ids=refunds)
    refunded = _each(refunds, lambda pk: carry_on(gateway=gateway, refund_id=pk, now=now))
    outcomes = [*settled, *lapsed, *refunded]
    looked_up = len(payments) + len(charges)
    return Reconciled(looked_up, len(refunds), outcomes.count(NOT_SENT), outcomes.count(ERROR))


def _each(ids: Sequence[UUID], work: Callable[[UUID], str]) -> list[str]:
    return [_guarded(work, pk) for pk in ids]


def _guarded(work: Callable[[UUID], str], pk: UUID) -> str:
    try:
        return work(pk)
    except Exception:
        log.exception("reconciliation failed", extra={"row": str(pk)})
        metrics.look_ups.labels(ERROR).inc()
        return ERROR


def _look_up_payment(gateway: Gateway, payment_id: UUID, now: datetime) -> str:
    payment = queries.attempt(payment_id=payment_id)
    try:
        said = find_order(gateway, payment)
    except NotSent as reason:
        if payment.status in _IN_DOUBT:  # its hold goes on while the gateway is away
            settle(payment_id=payment_id, said=OutcomeUnknown(str(reason)), now=now)
        return _counted(NOT_SENT)
    return _counted(settle(payment_id=payment_id, said=said, now=now).status.lower())


def _look_up_charge(gateway: Gateway, charge_id: UUID, now: datetime) -> str:
    charge = queries.charge_row(charge_id=charge_id)
    try:
        said = find_order(gateway, charge)
    except NotSent:
        return _counted(NOT_SENT)
    return _counted(settle_charge(charge_id=charge_id, said=said, now=now).status.lower())


def _counted(outcome: str) -> str:
    metrics.look_ups.labels(outcome).inc()
    return outcome
