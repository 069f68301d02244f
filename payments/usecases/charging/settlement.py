"""Settle a charge by what the gateway said, once, from wherever it comes (Note [Settling])."""

from datetime import datetime
from uuid import UUID

from events.operations import record
from kernel.db.transaction import transaction
from payments import failures, locking, metrics, operations, policy, queries
from payments.gateways.gateway import GatewayPayment
from payments.models import OPEN_STATUSES, Charge
from payments.queries import ChargeResult
from payments.verdicts import MoneyVerdict, Said, failure_in, verdict_on


def settle_charge(*, charge_id: UUID, said: Said, now: datetime) -> ChargeResult:
    """Bring a charge to the state that follows from what the gateway said; idempotent.

    Money that comes after it failed buys the points all the same.
    """
    with transaction():
        charge = locking.lock_charge(charge_id=charge_id)
        before = charge.status
        verdict = verdict_on(charge, said)
        if verdict is MoneyVerdict.CAPTURED and charge.status != Charge.Status.PAID:
            key = said.payment_key if isinstance(said, GatewayPayment) else ""
            record(events=operations.credit(charge=charge, payment_key=key, now=now), now=now)
        elif verdict is MoneyVerdict.GIVEN_BACK and charge.status == Charge.Status.FAILED:
            operations.write_given_back(row=charge)
        elif charge.status in OPEN_STATUSES:
            _leave_unpaid(charge, verdict, said, now)
    if charge.status != before:
        outcome = charge.failure_code or charge.status.lower()
        metrics.charges.labels(outcome).inc()
    return queries.charge_by_id(charge_id=charge_id)


def _leave_unpaid(charge: Charge, verdict: MoneyVerdict, said: Said, now: datetime) -> None:
    if verdict is MoneyVerdict.FAILED:
        why = failure_in(said)
        operations.fail_charge(
            charge=charge, code=why.code, message=why.message, final=True, now=now
        )
    elif verdict is MoneyVerdict.GIVEN_BACK:
        code = failures.REFUNDED_BY_GATEWAY
        operations.fail_charge(charge=charge, code=code, message="", final=True, now=now)
    elif verdict is MoneyVerdict.OPEN and now >= charge.created_at + policy.CHARGE_OPEN_FOR:
        code = failures.NOT_PAID
        operations.fail_charge(charge=charge, code=code, message="", final=False, now=now)
    elif verdict is MoneyVerdict.OPEN:
        status = Charge.Status(charge.status)
        operations.keep_charge_open(charge=charge, status=status, now=now)
    else:
        operations.keep_charge_open(charge=charge, status=Charge.Status.UNKNOWN, now=now)
