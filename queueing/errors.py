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
    """The queue server is unavailable; places come back with the tokens."""

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


class InvitationInvalid(DomainError):
    """The code is forged, of another performance, over or withdrawn."""

    code = "invitation_invalid"
    kind = Kind.INVALID
    message = text(
        en="This invitation is not valid here.", ko="이 회차에서 사용할 수 없는 초대 코드입니다."
    )


class InvitationUsedUp(DomainError):
    """As many people as it was meant for have used it."""

    code = "invitation_used_up"
    kind = Kind.CONFLICT
    message = text(en="This invitation has been used up.", ko="이미 모두 사용된 초대 코드입니다.")


class ChallengeRequired(DomainError):
    """A new place needs an answer to `challenge`, sent as `challenge_response`."""

    code = "challenge_required"
    kind = Kind.FORBIDDEN
    message = text(
        en="Solve the challenge and join again with the answer.",
        ko="보안 확인을 완료한 후 다시 시도해 주세요.",
    )


class ChallengeFailed(DomainError):
    """The answer is wrong or too old; `challenge` is a new one."""

    code = "challenge_failed"
    kind = Kind.FORBIDDEN
    message = text(
        en="The answer to the challenge was not accepted.", ko="보안 확인에 실패했습니다."
    )


class TooManyAccounts(DomainError):
    """As many people as this performance allows have joined from the address."""

    code = "too_many_accounts"
    kind = Kind.FORBIDDEN
    message = text(
        en="Too many people have joined from your network.",
        ko="같은 네트워크에서 참여한 인원이 너무 많습니다.",
    )


class DrawNotOver(DomainError):
    """The roster of a draw is public once the draw is over, some minutes after the opening."""

    code = "draw_not_over"
    kind = Kind.CONFLICT
    message = text(
        en="The draw is not over, or its roster is not ready yet.",
        ko="추첨이 끝나지 않았거나 명부가 아직 준비되지 않았습니다.",
    )


class DrawBegun(DomainError):
    """Numbers have been drawn: nothing that decides them may change any more."""

    code = "draw_begun"
    kind = Kind.CONFLICT
    message = text(
        en="The draw has begun; its beacon stays as it is.",
        ko="추첨이 시작되어 비콘을 바꿀 수 없습니다.",
    )


class BeaconInvalid(DomainError):
    """What was said of a beacon cannot be; `problem` names it."""

    code = "beacon_invalid"
    kind = Kind.INVALID
    message = text(en="The beacon is not valid.", ko="비콘 정보가 올바르지 않습니다.")
