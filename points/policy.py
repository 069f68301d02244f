"""The ledger's own accounts and the kinds of transfer."""

from enum import StrEnum
from uuid import UUID

# The other side of every fan's entry; the first migration makes these rows.
CHARGES = UUID("00000000-0000-7000-8000-000000000001")  # points bought with money
SALES = UUID("00000000-0000-7000-8000-000000000002")  # points spent on tickets
GRANTS = UUID("00000000-0000-7000-8000-000000000003")  # points given away

SYSTEM_ACCOUNTS = {CHARGES: "charges", SALES: "sales", GRANTS: "grants"}


class TransferKind(StrEnum):
    """Why points moved; (kind, reference) names one transfer for ever."""

    CHARGE = "charge"  # reference: the charge
    PAYMENT = "payment"  # reference: the payment
    GRANT = "grant"  # reference: made from the grant's and the fan's ids
