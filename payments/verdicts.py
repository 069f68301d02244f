"""What a gateway said about an order, judged against what was asked of it."""

import logging
from enum import Enum
from typing import TypeAlias

from payments import failures, metrics
from payments.gateways.gateway import Failure, GatewayPayment, MoneyState, OutcomeUnknown
from payments.models import Charge, Payment

log = logging.getLogger(__name__)

# OutcomeUnknown: it did not say (Note [What a gateway said]). None: it knows no such order.
Said: TypeAlias = GatewayPayment | OutcomeUnknown | None


class MoneyVerdict(Enum):
    """Where the money of an attempt is."""

    CAPTURED = "captured"
    FAILED = "failed"  # and cannot be captured any more
    GIVEN_BACK = "given_back"
    OPEN = "open"  # nobody has paid yet
    UNKNOWN = "unknown"
    MISMATCH = "mismatch"  # what was captured is not what was asked for


def verdict_on(row: Payment | Charge, said: Said) -> MoneyVerdict:
    """Return what `said` means for the attempt; a mismatch is logged and counted, to be alerted.

    An order that the gateway doesn't know counts as open: it may be too early to know it. An order
    is captured once, so who says that it is captured after it was given back said so before.
    """
    if isinstance(said, OutcomeUnknown):
        return MoneyVerdict.UNKNOWN
    if said is None or said.state is MoneyState.OPEN:
        return MoneyVerdict.OPEN
    if said.state is MoneyState.FAILED:
        return MoneyVerdict.FAILED
    if _fits(row, said):
        is_captured = said.state is MoneyState.CAPTURED and not _was_given_back(row)
        return MoneyVerdict.CAPTURED if is_captured else MoneyVerdict.GIVEN_BACK
    metrics.mismatches.inc()
    log.error(
        "a gateway's payment is not what was asked for",
        extra={
            "row": str(row.pk),
            "order": said.order_id,
            "asked": row.gateway_money.as_json(),
            "said": said.amount.as_json(),
        },
    )
    return MoneyVerdict.MISMATCH


def is_of_another_key(asked: Payment | Charge, said: Said) -> bool:
    """Say whether a gateway took nothing because it was asked with a key of another order."""
    if not isinstance(said, GatewayPayment):
        return False
    return said.state is MoneyState.OPEN and said.payment_key != asked.payment_key


def failure_in(said: Said) -> Failure:
    """Return why a gateway took no money, as far as it says so."""
    given = said.failure if isinstance(said, GatewayPayment) else None
    return given or Failure("declined", "")


def _was_given_back(row: Payment | Charge) -> bool:
    return row.failure_code == failures.REFUNDED_BY_GATEWAY


def _fits(row: Payment | Charge, said: GatewayPayment) -> bool:
    """Say whether it is this order and amount; a part may have been refunded by ourselves only."""
    refunded = said.state is MoneyState.CAPTURED and said.refunded.amount > 0
    open_or_ended = row.status not in {Payment.Status.PAID, Payment.Status.LATE_CAPTURED}
    return (
        said.order_id == row.order_id
        and said.amount == row.gateway_money
        and not (refunded and open_or_ended)
    )
