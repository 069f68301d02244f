"""The ledger's own accounts and the kinds of transfer."""

from enum import StrEnum
from uuid import UUID

# The other side of every fan's entry; migrations make these rows.
CHARGES = UUID("00000000-0000-7000-8000-000000000001")  # points bought with money
SALES = UUID("00000000-0000-7000-8000-000000000002")  # points spent on tickets
GRANTS = UUID("00000000-0000-7000-8000-000000000003")  # points given away
ADJUSTMENTS = UUID("00000000-0000-7000-8000-000000000004")  # given or taken back by staff

SYSTEM_ACCOUNTS = {
    CHARGES: "charges",
    SALES: "sales",
    GRANTS: "grants",
    ADJUSTMENTS: "adjustments",
}

ADJUSTMENT_MAXIMUM = 10_000_000  # points that staff give or take at a time


class TransferKind(StrEnum):
    """Why points moved; (kind, reference) names one transfer for ever."""

    CHARGE = "charge"  # reference: the charge
    PAYMENT = "payment"  # reference: the payment
    PAYMENT_HOLD = "payment_hold"  # reference: the payment whose points part it is
    PAYMENT_RETURN = "payment_return"  # reference: the payment that was not paid
    REFUND = "refund"  # reference: the refund
    GRANT = "grant"  # reference: made from the grant's and the fan's ids
    ADJUSTMENT = "adjustment"  # reference: made from the adjustment's and the fan's ids
