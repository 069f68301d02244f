"""The failures that we name ourselves; a gateway's come with its own words."""

from typing import TYPE_CHECKING

from kernel.i18n import text

if TYPE_CHECKING:
    from kernel.i18n import LazyText

ABANDONED = "abandoned"
NOT_PAID = "not_paid"
GATEWAY_UNAVAILABLE = "gateway_unavailable"
RESERVATION_ENDED = "reservation_ended"
REFUNDED_BY_GATEWAY = "refunded_by_gateway"
PAID_TOO_LATE = "paid_too_late"

_MESSAGES: "dict[str, LazyText]" = {
    ABANDONED: text(
        en="This attempt was given up. Nothing was charged.",
        ko="중단된 결제입니다. 결제된 금액은 없습니다.",
    ),
    NOT_PAID: text(
        en="Nobody paid in time. Nothing was charged.",
        ko="제한 시간 안에 결제되지 않았습니다. 결제된 금액은 없습니다.",
    ),
    GATEWAY_UNAVAILABLE: text(
        en="Cards could not be taken. Nothing was charged.",
        ko="카드 결제를 시작하지 못했습니다. 결제된 금액은 없습니다.",
    ),
    RESERVATION_ENDED: text(
        en="The time to pay for these seats has passed. Nothing was charged.",
        ko="좌석 결제 가능 시간이 지났습니다. 결제된 금액은 없습니다.",
    ),
    REFUNDED_BY_GATEWAY: text(
        en="The payment was taken back at the gateway.",
        ko="결제 대행사에서 결제가 취소되었습니다.",
    ),
    PAID_TOO_LATE: text(
        en="The money came after the seats were gone. All of it has been given back.",
        ko="좌석 선점이 끝난 뒤 결제되어 전액 환불되었습니다.",
    ),
}
_DECLINED = text(
    en="The payment was declined. Nothing was charged.",
    ko="결제가 거절되었습니다. 결제된 금액은 없습니다.",
)


def message_of(code: str) -> str:
    """Return what a fan reads about a failure for which the gateway had no words."""
    return str(_MESSAGES.get(code, _DECLINED))
