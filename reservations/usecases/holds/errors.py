"""The refusals of holds: why seats cannot be held, extended or given up."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text


class SelectionInvalid(DomainError):
    """No seats, a seat twice, or more than `most`."""

    code = "selection_invalid"
    kind = Kind.INVALID
    message = text(
        en="Name each seat once, at least one and not too many.",
        ko="좌석은 한 번씩만, 하나 이상 허용 개수 이하로 선택해 주세요.",
    )


class SeatNotFound(DomainError):
    """Some ids are not seats of the performance; `seat_ids` names them."""

    code = "seat_not_found"
    kind = Kind.NOT_FOUND
    message = text(
        en="This performance has no such seat.", ko="해당 회차에 존재하지 않는 좌석입니다."
    )


class SeatTaken(DomainError):
    """The seats (`seat_ids`) are taken; `yours`: the caller's own live holds among them."""

    code = "seat_taken"
    kind = Kind.CONFLICT
    message = text(en="These seats are taken.", ko="이미 선택된 좌석입니다.")


class HoldBackoff(DomainError):
    """The fan let too many holds lapse and has to wait for `retry_after` seconds."""

    code = "hold_backoff"
    kind = Kind.TOO_MANY
    message = text(
        en="You have let several holds run out. Please wait a little before the next one.",
        ko="선점한 좌석을 여러 번 결제하지 않았습니다. 잠시 후 다시 시도해 주세요.",
    )


class NoSeatsMatch(DomainError):
    """No free seats fit the wish, not even apart from each other."""

    code = "no_seats_match"
    kind = Kind.CONFLICT
    message = text(en="There are no free seats like that.", ko="조건에 맞는 빈 좌석이 없습니다.")


class OrphanSeat(DomainError):
    """The choice would leave single seats (`seat_ids`) although another would not."""

    code = "orphan_seat"
    kind = Kind.CONFLICT
    message = text(
        en="Please choose so that no single seat is left alone.",
        ko="한 좌석만 남지 않도록 선택해 주세요.",
    )


class ExtensionLimit(DomainError):
    """The hold already lasts as long as it may, until `extendable_until`."""

    code = "extension_limit"
    kind = Kind.CONFLICT
    message = text(
        en="This hold cannot be extended any further.", ko="더 이상 선점 시간을 연장할 수 없습니다."
    )


class ReservationNotPending(DomainError):
    """It is no longer a hold but paid, released or cancelled (`reservation_status`)."""

    code = "reservation_not_pending"
    kind = Kind.CONFLICT
    message = text(en="This reservation is no longer a hold.", ko="선점 상태가 아닌 예약입니다.")


class SeatLimitExceeded(DomainError):
    """More than `limit` seats of one performance for one fan; `held` are counted already."""

    code = "seat_limit_exceeded"
    kind = Kind.CONFLICT
    message = text(
        en="That is more seats than one person may have.",
        ko="1인당 구매 가능한 좌석 수를 초과했습니다.",
    )


class SaleNotOpen(DomainError):
    """The sale opens at `opens_at` (null: not decided yet)."""

    code = "sale_not_open"
    kind = Kind.CONFLICT
    message = text(en="The sale has not opened yet.", ko="아직 판매가 시작되지 않았습니다.")


class SaleClosed(DomainError):
    """The sale is over."""

    code = "sale_closed"
    kind = Kind.CONFLICT
    message = text(en="The sale is over.", ko="판매가 종료되었습니다.")


class SalePaused(DomainError):
    """The sale has been halted, or the performance is postponed."""

    code = "sale_paused"
    kind = Kind.CONFLICT
    message = text(en="The sale is paused.", ko="판매가 일시 중지되었습니다.")


class PerformanceCancelled(DomainError):
    """The performance will not take place."""

    code = "performance_cancelled"
    kind = Kind.CONFLICT
    message = text(en="This performance is cancelled.", ko="취소된 회차입니다.")


class PaymentInProgress(DomainError):
    """Money may have moved, so the seats can't be given up like a mere hold."""

    code = "payment_in_progress"
    kind = Kind.CONFLICT
    message = text(
        en="A payment for this reservation is under way or done.",
        ko="결제가 진행 중이거나 완료된 예약입니다.",
    )
