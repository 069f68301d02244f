"""Refusals that several use cases share, or other apps: what an account does not allow."""

from kernel.errors import DomainError, Kind
from kernel.i18n import text


class AccountClosed(DomainError):
    """The account was deleted or locked out while the request was on its way."""

    code = "account_closed"
    kind = Kind.FORBIDDEN
    message = text(
        en="This account is closed. Nothing was changed.",
        ko="이용할 수 없는 계정입니다. 변경된 내용은 없습니다.",
    )


class NotSetUp(DomainError):
    """There is no second factor to renew, remove or stand beside."""

    code = "second_factor_not_set_up"
    kind = Kind.CONFLICT
    message = text(en="No second factor is set up.", ko="2단계 인증이 설정되어 있지 않습니다.")


class ApprovalNotFound(DomainError):
    """There is no such request for a second person."""

    code = "approval_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such request.", ko="승인 요청을 찾을 수 없습니다.")


class ApprovalDecided(DomainError):
    """Somebody has approved or refused the request already (`status`)."""

    code = "approval_decided"
    kind = Kind.CONFLICT
    message = text(en="The request is decided already.", ko="이미 처리된 승인 요청입니다.")


class ApprovalExpired(DomainError):
    """The request waited too long (`expired_at`): it has to be asked for once more."""

    code = "approval_expired"
    kind = Kind.GONE
    message = text(
        en="The request has waited too long. Ask once more.",
        ko="승인 기한이 지났습니다. 다시 요청해 주세요.",
    )


class OwnApproval(DomainError):
    """Nobody decides a request of one's own."""

    code = "own_approval"
    kind = Kind.FORBIDDEN
    message = text(
        en="Somebody else has to decide your request.",
        ko="본인이 요청한 건은 다른 담당자가 처리해야 합니다.",
    )
