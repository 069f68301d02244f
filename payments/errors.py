"""The refusals that several use cases of payments give."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text


class PaymentKeyInvalid(DomainError):
    """The key that was brought back is not that of this order; nothing was charged by it."""

    code = "payment_key_invalid"
    kind = Kind.INVALID
    message = text(
        en="This payment key belongs to no open payment of this order. Nothing was charged:"
        " confirm with the key that the payment page sent back.",
        ko="이 주문의 결제 키가 아닙니다. 결제된 금액은 없습니다. 결제 페이지에서 받은 키로 다시"
        " 승인해 주세요.",
    )
    kept_for_replay = False  # the attempt is as it was, and its own key may still confirm it


class GatewayUnavailable(DomainError):
    """Cards cannot be taken now; nothing was charged."""

    code = "gateway_unavailable"
    kind = Kind.UNAVAILABLE
    message = text(
        en="Cards cannot be taken at the moment. Nothing was charged.",
        ko="지금은 카드로 결제할 수 없습니다. 결제된 금액은 없습니다.",
    )
    retry_after = 60
    kept_for_replay = False  # nothing has begun; 503 is never kept, and this gives the key back
