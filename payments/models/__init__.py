"""The tables of money: received for reservations and for points, and given back."""

from payments.models.cancellations import (
    REFUND_POLICY_UNIQUE,
    Cancellation,
    RefundPolicy,
    RefundRun,
)
from payments.models.notices import GatewayNotice
from payments.models.offers import Offer
from payments.models.received import (
    LIVE_PAYMENT_UNIQUE,
    LIVE_STATUSES,
    NAME_LENGTH,
    OPEN_STATUSES,
    Charge,
    MoneyReceived,
    Payment,
    payment_methods,
)
from payments.models.refunds import REFUND_WITHIN_CAPTURED, Refund

__all__ = [
    "LIVE_PAYMENT_UNIQUE",
    "LIVE_STATUSES",
    "NAME_LENGTH",
    "OPEN_STATUSES",
    "REFUND_POLICY_UNIQUE",
    "REFUND_WITHIN_CAPTURED",
    "Cancellation",
    "Charge",
    "GatewayNotice",
    "MoneyReceived",
    "Offer",
    "Payment",
    "Refund",
    "RefundPolicy",
    "RefundRun",
    "payment_methods",
]
