"""The refusals of requests by their Idempotency-Key."""

from idempotency import policy
from kernel.errors import DomainError, Kind
from kernel.i18n import text


class KeyRequired(DomainError):
    """A route that needs a key was called without one."""

    code = "idempotency_key_required"
    kind = Kind.INVALID
    message = text(
        en="Send an Idempotency-Key header, so that trying again is safe.",
        ko="재시도가 안전하도록 Idempotency-Key 헤더를 보내 주세요.",
    )


class KeyInvalid(DomainError):
    """The key is too short, too long, or not made of visible characters."""

    code = "idempotency_key_invalid"
    kind = Kind.INVALID
    message = text(
        en="An Idempotency-Key is 8 to 255 visible ASCII characters, bare or in double quotes.",
        ko="Idempotency-Key는 8~255자의 출력 가능한 ASCII 문자여야 합니다.",
    )


class InProgress(DomainError):
    """The first request with this key is still running."""

    code = "idempotency_in_progress"
    kind = Kind.CONFLICT
    message = text(
        en="The first request with this key is still running.",
        ko="같은 키의 첫 요청이 아직 처리 중입니다.",
    )
    retry_after = policy.RETRY_AFTER_SECONDS


class KeyReused(DomainError):
    """The key came before with another body."""

    code = "idempotency_key_reused"
    kind = Kind.UNPROCESSABLE
    message = text(
        en="This Idempotency-Key was used for a different request.",
        ko="이 Idempotency-Key는 이미 다른 요청에 사용되었습니다.",
    )
