"""Words of refusals about money and tickets."""

from storefront.words.forms import LOOK_AGAIN, Words, words

PAYING: dict[str, Words] = {
    # Holds and payments.
    "reservation_not_found": words(
        "There is no such reservation",
        "예약을 찾을 수 없습니다",
        "Your own are listed under My tickets.",
        "예매 내역에서 확인해 주세요.",
    ),
    "reservation_expired": words(
        "The time to pay has passed",
        "결제 가능 시간이 지났습니다",
        "Nothing was charged, and the seats went back. Choose again.",
        "결제된 금액은 없으며 좌석은 반환되었습니다. 다시 선택해 주세요.",
    ),
    "reservation_not_payable": words(
        "This reservation cannot be paid for",
        "결제할 수 없는 상태의 예약입니다",
        "Nothing was charged. Look at it under My tickets.",
        "결제된 금액은 없습니다. 예매 내역에서 확인해 주세요.",
    ),
    "reservation_not_pending": words(
        "These seats are no longer held",
        "선점 상태가 아닌 예약입니다",
        "Look at the reservation under My tickets.",
        "예매 내역에서 확인해 주세요.",
    ),
    "extension_limit": words(
        "There is no more time to give",
        "더 이상 시간을 연장할 수 없습니다",
        "Please pay before the time is over.",
        "남은 시간 안에 결제해 주세요.",
    ),
    "insufficient_points": words(
        "There are not enough points",
        "포인트가 부족합니다",
        "Nothing was taken. Top up points or pay by card.",
        "차감된 포인트는 없습니다. 포인트를 충전하거나 카드로 결제해 주세요.",
    ),
    "points_amount_mismatch": words(
        "The points do not fit the amount",
        "포인트 금액이 맞지 않습니다",
        "Nothing was taken. By card and points, the points must be less than the amount.",
        "차감된 포인트는 없습니다. 카드와 함께 쓸 때는 전체 금액보다 적어야 합니다.",
    ),
    "payment_method_unknown": words(
        "There is no such method of payment",
        "지원하지 않는 결제 수단입니다",
        "Nothing was charged.",
        "결제된 금액은 없습니다.",
    ),
    "payment_in_progress": words(
        "A payment is under way or done",
        "결제가 진행 중이거나 완료되었습니다",
        "Do not pay again: look at the reservation under My tickets.",
        "다시 결제하지 말고 예매 내역을 확인해 주세요.",
    ),
    "payment_key_invalid": words(
        "This payment belongs to another order",
        "이 주문의 결제가 아닙니다",
        "Nothing was charged. Start the payment again.",
        "결제된 금액은 없습니다. 결제를 다시 시작해 주세요.",
    ),
    "payment_not_found": words("There is no such payment", "결제를 찾을 수 없습니다", *LOOK_AGAIN),
    "charge_not_found": words(
        "There is no such charge", "충전 내역을 찾을 수 없습니다", *LOOK_AGAIN
    ),
    "charging_unavailable": words(
        "Points cannot be topped up at the moment",
        "지금은 포인트를 충전할 수 없습니다",
        "Nothing was paid. Try again in a minute.",
        "결제된 금액은 없습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "gateway_unavailable": words(
        "Cards cannot be taken at the moment",
        "지금은 카드로 결제할 수 없습니다",
        "Nothing was charged. Your seats stay held: pay by points, or try again.",
        "결제된 금액은 없으며 좌석은 유지됩니다. 포인트로 결제하거나 다시 시도해 주세요.",
    ),
    "idempotency_in_progress": words(
        "This is being done already",
        "이미 처리 중입니다",
        "Do not send it again: wait a moment and look at the reservation.",
        "다시 보내지 말고 잠시 후 예매 내역을 확인해 주세요.",
    ),
    "idempotency_key_reused": words(
        "This form was sent before with other contents",
        "이미 다른 내용으로 보낸 양식입니다",
        "Reload the page and send it again.",
        "페이지를 새로 고친 뒤 다시 보내 주세요.",
    ),
    "idempotency_key_required": words(
        "The form is incomplete",
        "양식이 완전하지 않습니다",
        "Nothing was changed. Reload the page and send it again.",
        "변경된 내용은 없습니다. 페이지를 새로 고친 뒤 다시 보내 주세요.",
    ),
    "idempotency_key_invalid": words(
        "The form is incomplete",
        "양식이 완전하지 않습니다",
        "Nothing was changed. Reload the page and send it again.",
        "변경된 내용은 없습니다. 페이지를 새로 고친 뒤 다시 보내 주세요.",
    ),
    # Afterwards.
    "offer_expired": words(
        "This offer is over",
        "제안 기간이 끝났습니다",
        "What was paid goes back to you.",
        "결제한 금액은 환불됩니다.",
    ),
    "offer_not_found": words(
        "No other seats were offered", "제안된 대체 좌석이 없습니다", *LOOK_AGAIN
    ),
    "offer_not_checked": words(
        "Your payment cannot be looked up at the moment",
        "지금은 결제 내역을 확인할 수 없습니다",
        "The seats stay held for you until the offer ends. Try again.",
        "제안 기간이 끝날 때까지 좌석은 유지됩니다. 다시 시도해 주세요.",
    ),
    "already_cancelled": words("It is cancelled already", "이미 취소되었습니다", *LOOK_AGAIN),
    "cancellation_too_late": words(
        "It is too late to cancel",
        "취소 가능 시간이 지났습니다",
        "Your tickets stay valid.",
        "티켓은 그대로 유효합니다.",
    ),
    "reservation_not_cancellable": words(
        "These seats cannot be cancelled",
        "취소할 수 없는 상태의 예약입니다",
        "Nothing was changed.",
        "변경된 내용은 없습니다.",
    ),
    "seats_not_in_reservation": words(
        "The reservation has no such seats", "예약에 없는 좌석입니다", *LOOK_AGAIN
    ),
    "ticket_used": words(
        "A ticket of these seats has been used",
        "이미 사용한 티켓이 있습니다",
        "Nothing was changed.",
        "변경된 내용은 없습니다.",
    ),
    "ticket_not_found": words("There is no such ticket", "티켓을 찾을 수 없습니다", *LOOK_AGAIN),
}
