"""Refusals of the waiting room."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text
from queueing import policy


class QueueNotRequired(DomainError):
    """The performance has no waiting room: go straight to the seats."""

    code = "queue_not_required"
    kind = Kind.CONFLICT
    message = text(
        en="This performance has no waiting room. Choose your seats.",
        ko="대기열이 없는 회차입니다. 바로 좌석을 선택해 주세요.",
    )


class QueueNotOpen(DomainError):
    """Nobody may join yet; `queue_opens_at` says from when."""

    code = "queue_not_open"
    kind = Kind.CONFLICT
    message = text(en="The waiting room is not open yet.", ko="아직 대기열이 열리지 않았습니다.")


class QueueClosed(DomainError):
    """Nobody may join any more."""

    code = "queue_closed"
    kind = Kind.CONFLICT
    message = text(en="The waiting room is closed.", ko="대기열이 마감되었습니다.")


class QueuePaused(DomainError):
    """Staff have stopped the queue for a moment; places stay as they are."""

    code = "queue_paused"
    kind = Kind.UNAVAILABLE
    message = text(
        en="The waiting room is paused. Places are kept; please try again soon.",
        ko="대기열이 일시 중지되었습니다. 순번은 유지됩니다. 잠시 후 다시 시도해 주세요.",
    )
    retry_after = 10


class QueueUnavailable(DomainError):
    """The queue server is away; places come back with the tokens."""

    code = "queue_unavailable"
    kind = Kind.UNAVAILABLE
    message = text(
        en="The waiting room is briefly unavailable. Your place is kept; please try again.",
        ko="대기열을 잠시 이용할 수 없습니다. 순번은 유지됩니다. 다시 시도해 주세요.",
    )
    retry_after = policy.RETRY_AFTER_SECONDS


class QueueTokenRequired(DomainError):
    """`X-Queue-Token` is missing."""

    code = "queue_token_required"
    kind = Kind.FORBIDDEN
    message = text(
        en="Join the waiting room first and send its token.",
        ko="먼저 대기열에 입장한 후 대기열 토큰을 보내 주세요.",
    )


class QueueTokenInvalid(DomainError):
    """The token or pass is forged, of another performance or person, or has expired."""

    code = "queue_token_invalid"
    kind = Kind.FORBIDDEN
    message = text(en="This queue token is not valid here.", ko="유효하지 않은 대기열 토큰입니다.")


class QueueTokenExpired(QueueTokenInvalid):
    """It was good once; whose it is, the login still says."""


class QueueNotAdmitted(DomainError):
    """The fan still waits, or the admission is over; `state` says which."""

    code = "queue_not_admitted"
    kind = Kind.FORBIDDEN
    message = text(en="It is not your turn yet.", ko="아직 입장 순서가 아닙니다.")
