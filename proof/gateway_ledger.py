"""What the payment gateway says it took and gave back, for comparison with our rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import httpx
from django.conf import settings

from payments import failures, gateways
from payments.gateways.gateway import GatewayPayment, MoneyState
from payments.models import Charge, Payment
from payments.models.refunds import OPEN_REFUNDS
from payments.orders import find_order

_SECONDS = 30.0
SANDBOX = "sandbox"


class LedgerUnreachable(Exception):
    """The gateway's list could not be read."""


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """Money of one order in minor units: what was captured, and given back of it."""

    captured: int = 0
    refunded: int = 0


NOTHING = OrderMoney()


def listed() -> Mapping[str, OrderMoney] | None:
    """Return all orders that the gateway captured, by order id; None where it lists none.

    The sandbox alone does. Raises LedgerUnreachable.
    """
    if settings.PAYMENT_GATEWAY != SANDBOX:
        return None
    try:
        with httpx.Client(
            base_url=settings.PAYMENT_GATEWAY_URL,
            auth=(settings.PAYMENT_GATEWAY_SECRET, ""),
            timeout=_SECONDS,
            trust_env=False,
        ) as http:
            found = http.get("/sandbox/ledger").raise_for_status().json()
        refunded: dict[str, int] = {}
        for one in found["refunds"]:
            refunded[one["orderId"]] = refunded.get(one["orderId"], 0) + one["amount"]
        return {
            one["orderId"]: OrderMoney(one["amount"], refunded.get(one["orderId"], 0))
            for one in found["captures"]
        }
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise LedgerUnreachable(repr(error)) from error


def expected(row: Payment | Charge) -> OrderMoney | None:
    """Return what our rows say the gateway has; None while that is still to be found out."""
    if row.resolve_after is not None:
        return None  # it will be looked up: nothing is known for good
    if row.failure_code == failures.REFUNDED_BY_GATEWAY:
        return OrderMoney(row.gateway_money.amount, row.gateway_money.amount)
    taken = row.status in {Payment.Status.PAID, Payment.Status.LATE_CAPTURED}
    captured = row.gateway_money.amount if taken else 0
    if isinstance(row, Charge):
        return OrderMoney(captured)
    refunds = list(row.refunds.all())
    if any(refund.status in OPEN_REFUNDS for refund in refunds):
        return None
    done = [refund for refund in refunds if refund.status == refund.Status.DONE]
    return OrderMoney(captured, sum(refund.gateway_money.amount for refund in done))


def look_up(row: Payment | Charge) -> OrderMoney | None:
    """Ask the gateway for one order; None where another gateway is in use. Raises NotSent."""
    gateway = gateways.current()
    if gateway is None or gateway.name != row.gateway:
        return None
    return _money_of(find_order(gateway, row))


def _money_of(found: GatewayPayment | None) -> OrderMoney:
    if found is None or found.state in {MoneyState.OPEN, MoneyState.FAILED}:
        return NOTHING
    return OrderMoney(found.amount.amount, found.refunded.amount)


def reread(row: Payment | Charge) -> Payment | Charge:
    """Return the row as it is now."""
    model: type[Payment] | type[Charge] = type(row)
    return model.objects.get(pk=row.pk)


def performance_of(row: Payment | Charge) -> UUID | None:
    """Return the performance that a payment is for."""
    return row.reservation.performance_id if isinstance(row, Payment) else None
