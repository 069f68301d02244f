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
