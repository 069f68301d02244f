"""The use cases of paying for a reservation.

Begin by a method; payments by points are settled at once. What a gateway takes is confirmed after
its page, or abandoned, and settled by what the gateway says.
"""

from payments.errors import GatewayUnavailable
from payments.usecases.checkout.confirmation import abandon, confirm
from payments.usecases.checkout.errors import (
    PaymentMethodUnknown,
    PointsAmountMismatch,
)
from payments.usecases.checkout.gateway_settlement import settle
from payments.usecases.checkout.methods import BeginAlone, begin, begin_at_once
from payments.usecases.checkout.settlement import Decision, OrderAlone, settle_at_once, settle_many
from payments.usecases.checkout.turns import Order

__all__ = [
    "BeginAlone",
    "Decision",
    "GatewayUnavailable",
    "Order",
    "OrderAlone",
    "PaymentMethodUnknown",
    "PointsAmountMismatch",
    "abandon",
    "begin",
    "begin_at_once",
    "confirm",
    "settle",
    "settle_at_once",
    "settle_many",
]
