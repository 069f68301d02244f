"""What the error codes of Toss Payments mean for us: one table for each meaning.

Source: https://docs.tosspayments.com/reference/error-codes. The status of the response decides
nothing: 403 is a rejected card or our own key, and 400 is a decline or a failure of the bank in the
middle of it. A code that stands in no table means doubt.
"""

# Why a card was declined, in our words (`Failure.code`). After each of these the order cannot be
# captured any more.
DECLINES = {
    "REJECT_CARD_PAYMENT": "limit_exceeded",  # over the limit, or not enough money
    "EXCEED_MAX_DAILY_PAYMENT_COUNT": "limit_exceeded",
    "EXCEED_MAX_PAYMENT_AMOUNT": "limit_exceeded",
    "EXCEED_MAX_AMOUNT": "limit_exceeded",
    "EXCEED_MAX_ONE_DAY_AMOUNT": "limit_exceeded",
    "EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT": "limit_exceeded",
    "EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT": "limit_exceeded",
    "EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT": "limit_exceeded",
    "INVALID_CARD_EXPIRATION": "card_invalid",
    "INVALID_CARD_NUMBER": "card_invalid",
    "INVALID_PASSWORD": "card_invalid",
    "INVALID_AUTHORIZE_AUTH": "card_invalid",
    "EXCEED_MAX_AUTH_COUNT": "card_invalid",
    "INVALID_STOPPED_CARD": "card_blocked",
    "INVALID_CARD_LOST_OR_STOLEN": "card_blocked",
    "RESTRICTED_TRANSFER_ACCOUNT": "card_blocked",
    "FDS_ERROR": "card_blocked",
    "INVALID_REJECT_CARD": "declined",
    "REJECT_CARD_COMPANY": "declined",
    "REJECT_ACCOUNT_PAYMENT": "declined",
    "REJECT_TOSSPAY_INVALID_ACCOUNT": "declined",
    "INVALID_ACCOUNT_INFO_RE_REGISTER": "declined",
    "NOT_AVAILABLE_BANK": "declined",
    "NOT_AVAILABLE_PAYMENT": "declined",
    "NOT_ALLOWED_POINT_USE": "declined",
    "EXCEED_MAX_CARD_INSTALLMENT_PLAN": "declined",
    "INVALID_CARD_INSTALLMENT_PLAN": "declined",
    "NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT": "declined",
    "NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN": "declined",
    "BELOW_MINIMUM_AMOUNT": "amount_too_small",
    "NOT_FOUND_PAYMENT": "payment_expired",
    "NOT_FOUND_PAYMENT_SESSION": "payment_expired",
    "EXPIRED_PAYMENT": "payment_expired",
    "PAY_PROCESS_CANCELED": "payment_closed",
    "PAY_PROCESS_ABORTED": "declined",
}
# Our key, our contract or our request: nothing is done, and somebody of ours has to mend it.
OURS = {
    "UNAUTHORIZED_KEY",
    "INVALID_API_KEY",
    "INCORRECT_BASIC_AUTH_FORMAT",
    "FORBIDDEN_REQUEST",
    "INVALID_REQUEST",
    "INVALID_IDEMPOTENCY_KEY",
    "NOT_FOUND_TERMINAL_ID",
    "INVALID_UNREGISTERED_SUBMALL",
    "NOT_REGISTERED_BUSINESS",
}
# The fan has not agreed yet: nothing is done, and the order can still be paid.
TOO_EARLY = {"UNAPPROVED_ORDER_ID"}
# The payment key is perhaps not that of the order, which only a look-up of the order can say: the
# key came by a browser.
OF_THE_KEY = {
    "NOT_FOUND_PAYMENT",
    "NOT_FOUND_PAYMENT_SESSION",
    "INVALID_REQUEST",
    "FORBIDDEN_REQUEST",
}
# Somebody has confirmed it before: the look-up says what became of it.
DONE_BEFORE = {"ALREADY_PROCESSED_PAYMENT", "DUPLICATED_ORDER_ID"}
ABSENT = {"NOT_FOUND", "NOT_FOUND_PAYMENT"}
# Will not be refunded by this request, now or later.
NOT_REFUNDABLE = {
    "ALREADY_CANCELED_PAYMENT",
    "ALREADY_REFUND_PAYMENT",
    "NOT_CANCELABLE_PAYMENT",
    "NOT_CANCELABLE_AMOUNT",
    "NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER",
    "NOT_ALLOWED_PARTIAL_REFUND",
    "NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT",
    "NOT_MATCHES_REFUNDABLE_AMOUNT",
    "NOT_FOUND_PAYMENT",
    "EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT",
    "EXCEED_MAX_REFUND_DUE",
    "REFUND_REJECTED",
    "FORBIDDEN_BANK_REFUND_REQUEST",
}
