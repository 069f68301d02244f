"""What the sandbox refuses, in the codes of Toss Payments."""


class ApiRefusal(Exception):
    """A refusal of the API: a status, and `{code, message}`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status, self.code, self.message = status, code, message


def invalid(message: str) -> ApiRefusal:
    """Return the refusal of a malformed request."""
    return ApiRefusal(400, "INVALID_REQUEST", message)


def unauthorized() -> ApiRefusal:
    """Return the refusal of a caller without our secret."""
    return ApiRefusal(401, "UNAUTHORIZED_KEY", "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.")


def not_found() -> ApiRefusal:
    """Return the refusal of an unknown payment."""
    return ApiRefusal(404, "NOT_FOUND_PAYMENT", "존재하지 않는 결제 정보 입니다.")


def session_over() -> ApiRefusal:
    """Return the refusal of a payment whose time is over."""
    return ApiRefusal(
        404,
        "NOT_FOUND_PAYMENT_SESSION",
        "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다.",
    )


def not_agreed() -> ApiRefusal:
    """Return the refusal of a payment that the customer has not agreed to."""
    return ApiRefusal(400, "UNAPPROVED_ORDER_ID", "아직 승인되지 않은 주문번호입니다.")


def processed() -> ApiRefusal:
    """Return the refusal of a payment that was confirmed before."""
    return ApiRefusal(400, "ALREADY_PROCESSED_PAYMENT", "이미 처리된 결제 입니다.")


def canceled() -> ApiRefusal:
    """Return the refusal of a refund where all was given back."""
    return ApiRefusal(400, "ALREADY_CANCELED_PAYMENT", "이미 취소된 결제 입니다.")


def not_cancelable() -> ApiRefusal:
    """Return the refusal of a refund where nothing was captured."""
    return ApiRefusal(403, "NOT_CANCELABLE_PAYMENT", "취소 할 수 없는 결제 입니다.")


def too_much() -> ApiRefusal:
    """Return the refusal of a refund above what is left."""
    return ApiRefusal(403, "NOT_CANCELABLE_AMOUNT", "취소 할 수 없는 금액 입니다.")


def duplicate_order() -> ApiRefusal:
    """Return the refusal of an order id that stands for another order."""
    return ApiRefusal(400, "DUPLICATED_ORDER_ID", "이미 사용된 주문번호입니다.")


def key_reused() -> ApiRefusal:
    """Return the refusal of an Idempotency-Key with another request."""
    return ApiRefusal(422, "INVALID_IDEMPOTENCY_KEY", "멱등키가 다른 요청에 사용되었습니다.")
