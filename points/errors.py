"""The errors of the ledger."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money


class InsufficientPoints(DomainError):
    """The balance is lower than the amount."""

    code = "insufficient_points"
    kind = Kind.CONFLICT
    kept_for_replay = False  # nothing has begun, and the fan may charge points and try again
    message = text(
        en="There are not enough points. Top up and try again.",
        ko="포인트가 부족합니다. 충전한 뒤 다시 시도해 주세요.",
    )

    def __init__(self, *, balance: Money, needed: Money) -> None:
        super().__init__(balance=balance.as_json(), needed=needed.as_json())
