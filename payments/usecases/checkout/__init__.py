"""The use case of paying for a reservation: begin by a method, settle payments by points."""

from payments.usecases.checkout.errors import (
    GatewayUnavailable,
    PaymentMethodUnknown,
    PointsAmountMismatch,
)
from payments.usecases.checkout.methods import begin
from payments.usecases.checkout.settlement import Decision, OrderAlone, settle_at_once, settle_many
from payments.usecases.checkout.turns import Order

__all__ = [
    "Decision",
    "GatewayUnavailable",
    "Order",
    "OrderAlone",
    "PaymentMethodUnknown",
    "PointsAmountMismatch",
    "begin",
    "settle_at_once",
    "settle_many",
]
