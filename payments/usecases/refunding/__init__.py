"""Give money back: bought seats that are given up, cancelled performances, and by a gateway."""

from payments.usecases.refunding.cancelling import cancel, quote
from payments.usecases.refunding.paying_back import carry_on, try_at_once
from payments.usecases.refunding.performances import RefundBatch, begin_refunds, refund_batch
from payments.usecases.refunding.unknown_orders import (
    OrderHasRow,
    OrderNotFound,
    OrderOpen,
    give_back,
)

__all__ = [
    "OrderHasRow",
    "OrderNotFound",
    "OrderOpen",
    "RefundBatch",
    "begin_refunds",
    "cancel",
    "carry_on",
    "give_back",
    "quote",
    "refund_batch",
    "try_at_once",
]
