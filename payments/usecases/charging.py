"""The use case of buying points."""

from datetime import datetime
from uuid import UUID

from django.conf import settings

from events.operations import record
from idempotency.usecases.leases import KeyReused, execute_once
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money
from payments import metrics, operations, queries
from payments.queries import ChargeResult
from points import events as points_events
from points import operations as points
from points.policy import TransferKind


class ChargingUnavailable(DomainError):
    """No payment gateway is configured, and these settings give no points away."""

    code = "charging_unavailable"
    kind = Kind.UNAVAILABLE
    message = text(
        en="Points cannot be charged at the moment. Nothing was paid.",
        ko="지금은 포인트를 충전할 수 없습니다. 결제된 금액은 없습니다.",
    )
    retry_after = 60


def charge(
    *,
    user_id: UUID,
    amount: Money,
    charge_id: UUID,
    request_key: str,
    resumed: bool,
    now: datetime,
) -> ChargeResult:
    """Charge points and return the new balance; the first charge opens the account.

    `resumed` says that the same request may have been executed before: then its charge is looked
    up first. Raises ChargingUnavailable.
    """
    if not settings.CHARGES_APPROVE_THEMSELVES:
        metrics.charges.labels(ChargingUnavailable.code).inc()
        raise ChargingUnavailable
    bought = execute_once(
        lambda: _charge(user_id, amount, charge_id, request_key, now),
        find=lambda: queries.charge_of_request(request_key=request_key),
        resumed=resumed,
    )
    # A key forgotten by its record but not by us may come back with another amount.
    if bought.amount != amount:
        raise KeyReused
    return bought


def _charge(
    user_id: UUID, amount: Money, charge_id: UUID, request_key: str, now: datetime
) -> ChargeResult:
    with transaction():
        charge = operations.open_charge(
            charge_id=charge_id, user_id=user_id, amount=amount, request_key=request_key, now=now
        )
        received = points.receive(
            user_id=user_id, amount=amount, kind=TransferKind.CHARGE, reference=charge.pk, now=now
        )
        record(events=[points_events.charged(received)], now=now)
    metrics.charges.labels("paid").inc()
    return queries.charge_result(charge, balance=received.balance_after)
