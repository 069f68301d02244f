"""The use cases of buying points: charge, and confirm after the gateway's page."""

from datetime import datetime
from uuid import UUID

from django.conf import settings

from accounts.locking import share_open_account
from idempotency.errors import KeyReused
from idempotency.usecases.leases import execute_once
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.ids import uuid7
from kernel.money import Money
from payments import failures, gateways, locking, metrics, operations, queries
from payments.errors import PaymentKeyInvalid
from payments.gateways.gateway import Gateway, NotSent, OutcomeUnknown
from payments.models import Charge
from payments.orders import check_gateway, check_key, find_order, order_of, return_url_of
from payments.public import REQUIRES_ACTION
from payments.queries import ChargeResult
from payments.usecases.charging.settlement import settle_charge
from payments.verdicts import is_of_another_key


class ChargingUnavailable(DomainError):
    """No payment gateway is configured, or it took no order; nobody gets points for nothing."""

    code = "charging_unavailable"
    kind = Kind.UNAVAILABLE
    message = text(
        en="Points cannot be topped up at the moment. Nothing was paid.",
        ko="지금은 포인트를 충전할 수 없습니다. 결제된 금액은 없습니다.",
    )
    retry_after = 60
    kept_for_replay = False  # nothing has begun; 503 is never kept, and this gives the key back


def charge(
    *,
    user_id: UUID,
    amount: Money,
    request_key: str,
    resumed: bool,
    now: datetime,
    return_url: str | None = None,
) -> ChargeResult:
    """Charge points: through the gateway, which may need the fan on its page.

    The first charge opens the account. `resumed` says that the same request may have been executed
    before: then its charge is looked up first. Raises ChargingUnavailable and AccountClosed:
    nothing was paid.
    """
    gateway = gateways.current()
    if gateway is None:
        metrics.charges.labels(ChargingUnavailable.code).inc()
        raise ChargingUnavailable
    bought = execute_once(
        lambda: _begin(gateway, user_id, amount, request_key, now),
        find=lambda: queries.charge_of_request(request_key=request_key),
        resumed=resumed,
    )
    # A key forgotten by its record but not by us may come back with another amount.
    if bought.amount != amount:
        raise KeyReused
    if bought.status == REQUIRES_ACTION and bought.checkout_url is None:
        # Outside every transaction, and again where the execution before died at it.
        return _take_to_gateway(gateway, bought.id, return_url, now)
    return bought


def confirm(
    *, charge_id: UUID, user_id: UUID, payment_key: str, resumed: bool, now: datetime
) -> ChargeResult:
    """Ask the gateway for the money of a charge after its page, once, and settle by what it says.

    One that was confirmed already is shown as it is; if the execution that did so died (`resumed`),
    the gateway is looked up. Raises ChargeNotFound, and ChargingUnavailable and PaymentKeyInvalid:
    nothing was paid, and the same charge may be confirmed again.
    """
    found = queries.charge(charge_id=charge_id, user_id=user_id)
    gateway = gateways.current()
    if gateway is None:
        raise ChargingUnavailable
    named_key = _request(found.id, payment_key, now)
    if named_key is not None:
        return _confirm_at_gateway(gateway, found.id, named_key, now)
    if resumed:
        _look_up(gateway, found.id, now)
    return queries.charge(charge_id=charge_id, user_id=user_id)


def _begin(
    gateway: Gateway, user_id: UUID, amount: Money, request_key: str, now: datetime
) -> ChargeResult:
    with transaction():
        share_open_account(user_id=user_id)  # nobody pays into a closed one
        charge = operations.begin_charge(
            charge_id=uuid7(),
            user_id=user_id,
            amount=amount,
            request_key=request_key,
            gateway=gateway.name,
            now=now,
        )
    return queries.charge_by_id(charge_id=charge.pk)


def _take_to_gateway(
    gateway: Gateway, charge_id: UUID, return_url: str | None, now: datetime
) -> ChargeResult:
    """Confirm at once what needs no page, else let the gateway open one. Raises the refusal."""
    charge = queries.charge_row(charge_id=charge_id)
    order = order_of(charge, name=_name())
    try:
        key = gateways.approve_at_once(gateway, order)
        if key is None:
            url = return_url_of(
                return_url or f"{settings.FRONTROW_URL}/", parameter="charge", row_id=charge_id
            )
            page = gateway.open(order, return_url=url)
            operations.keep_page(row=charge, url=page.url, payment_key=page.payment_key or "")
            return queries.charge_by_id(charge_id=charge_id)
    except NotSent as reason:
        if _undo(charge_id, now):
            raise ChargingUnavailable from reason
        return queries.charge_by_id(charge_id=charge_id)
    named_key = _request(charge_id, key, now)
    if named_key is None:
        return queries.charge_by_id(charge_id=charge_id)
    try:
        return _confirm_at_gateway(gateway, charge_id, named_key, now)
    except (ChargingUnavailable, PaymentKeyInvalid):
        _undo(charge_id, now)  # without a page nobody could confirm it again
        raise


def _request(charge_id: UUID, payment_key: str, now: datetime) -> str | None:
    """Write down that the gateway is asked; None where that has been done before.

    Returns the key that the gateway had named with its page, or "".
    """
    with transaction():
        charge = locking.lock_charge(charge_id=charge_id)
        if charge.status != Charge.Status.CREATED:
            return None
        check_key(charge, payment_key)
        named_key = charge.payment_key
        operations.write_requested(row=charge, payment_key=payment_key, now=now)
    return named_key


def _confirm_at_gateway(
    gateway: Gateway, charge_id: UUID, named_key: str, now: datetime
) -> ChargeResult:
    charge = queries.charge_row(charge_id=charge_id)
    try:
        check_gateway(gateway, charge)
        said = gateway.confirm(order_of(charge, name=_name()), payment_key=charge.payment_key)
    except OutcomeUnknown as doubt:
        return settle_charge(charge_id=charge_id, said=doubt, now=now)
    except NotSent as reason:
        if _take_back(charge, named_key, now):
            raise ChargingUnavailable from reason
        return queries.charge_by_id(charge_id=charge_id)
    if is_of_another_key(charge, said) and _take_back(charge, named_key, now):
        raise PaymentKeyInvalid
    return settle_charge(charge_id=charge_id, said=said, now=now)


def _take_back(asked: Charge, named_key: str, now: datetime) -> bool:
    """Let the charge be confirmed again, unless somebody has settled it meanwhile."""
    with transaction():
        charge = locking.lock_charge(charge_id=asked.pk)
        mine = charge.requested_at == asked.requested_at
        if charge.status != Charge.Status.REQUESTED or not mine:
            return False
        operations.take_back_charge_request(charge=charge, named_key=named_key, now=now)
    return True


def _look_up(gateway: Gateway, charge_id: UUID, now: datetime) -> None:
    charge = queries.charge_row(charge_id=charge_id)
    if charge.status not in {Charge.Status.REQUESTED, Charge.Status.UNKNOWN}:
        return
    try:
        said = find_order(gateway, charge)
    except NotSent:
        return  # the reconciler looks again
    settle_charge(charge_id=charge_id, said=said, now=now)


def _undo(charge_id: UUID, now: datetime) -> bool:
    """End a charge that has no page; False where it has one or has ended by itself."""
    with transaction():
        charge = locking.lock_charge(charge_id=charge_id)
        if charge.status != Charge.Status.CREATED or charge.checkout_url:
            return False
        code = failures.GATEWAY_UNAVAILABLE
        operations.fail_charge(charge=charge, code=code, message="", final=True, now=now)
        operations.give_key_back(row=charge)
    metrics.charges.labels(ChargingUnavailable.code).inc()
    return True


def _name() -> str:
    return str(text(en="Points", ko="포인트 충전"))
