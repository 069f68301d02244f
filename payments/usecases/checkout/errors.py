"""The refusals of paying that are the checkout's own."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text


class GatewayUnavailable(DomainError):
    """Cards cannot be taken now; nothing was charged."""

    code = "gateway_unavailable"
    kind = Kind.UNAVAILABLE
    message = text(
        en="Cards cannot be taken at the moment. Nothing was charged.",
        ko="지금은 카드로 결제할 수 없습니다. 결제된 금액은 없습니다.",
    )
    retry_after = 60


class PointsAmountMismatch(DomainError):
    """Paying by points alone means paying all of it by points."""

    code = "points_amount_mismatch"
    kind = Kind.INVALID
    message = text(
        en="A payment by points must cover the whole amount.",
        ko="포인트 결제는 전체 금액을 포인트로 결제해야 합니다.",
    )


class PaymentMethodUnknown(DomainError):
    """No code here takes money by this method, so nothing begins."""

    code = "payment_method_unknown"
    kind = Kind.INVALID
    message = text(
        en="There is no such method of payment. Nothing was charged.",
        ko="지원하지 않는 결제 수단입니다. 결제된 금액은 없습니다.",
    )
