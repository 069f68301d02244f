"""Refusals that other apps share: what a person's account does not allow."""

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
