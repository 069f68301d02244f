"""The refusals of paying that are the checkout's own."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text


class PointsAmountMismatch(DomainError):
    """By points alone all of it is paid by points, by card less than all of it."""

    code = "points_amount_mismatch"
    kind = Kind.INVALID
    message = text(
        en="A payment by points must cover the whole amount, the points part of another less.",
        ko="포인트 결제는 전체 금액을, 그 밖의 결제는 그보다 적은 포인트를 지정해야 합니다.",
    )


class PaymentMethodUnknown(DomainError):
    """No code here takes money by this method, so nothing begins."""

    code = "payment_method_unknown"
    kind = Kind.INVALID
    message = text(
        en="There is no such method of payment. Nothing was charged.",
        ko="지원하지 않는 결제 수단입니다. 결제된 금액은 없습니다.",
    )
