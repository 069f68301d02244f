"""The operations on one's own account: its settings, its end, and whether a login is recent.

Note [Recent login]
What can't be undone needs a login whose person has signed up, logged in, or given the password or a
code again, within `ACCOUNT_REAUTHENTICATION_TIMEOUT`. A session begins with the login, and
django-allauth writes later moments into it, on pages as at the API; tokens name the session by
`sid`, so both are judged alike. Who
has neither a password nor a second factor can't prove anything here, only at his provider: there a
login counts as recent for as long as it lasts, as it does for allauth.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings

from accounts import api_keys, locking, notices, operations, queries
from accounts.errors import AccountClosed
from accounts.models import ApiKey, Session, User
from accounts.sessions import ApiSessionStore, FanSessionStore
from kernel.db.transaction import require_transaction, run_after_commit
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.telemetry import security_log

FIELDS = ("display_name", "language", "phone", "extra_time")
_STORES = {Session.Purpose.API: ApiSessionStore, Session.Purpose.FAN: FanSessionStore}


class ReauthenticationRequired(DomainError):
    """The login is not recent (Note [Recent login])."""

    code = "reauthentication_required"
    kind = Kind.FORBIDDEN
    message = text(
        en="Give your password or a code again, then repeat this. Nothing was changed.",
        ko="비밀번호나 인증 코드를 다시 확인한 뒤 시도해 주세요. 변경된 내용은 없습니다.",
    )
    kept_for_replay = False


class StaffAccount(DomainError):
    """Members of staff and superusers don't delete their accounts; they hold rights."""

    code = "staff_account"
    kind = Kind.CONFLICT
    message = text(
        en="A staff account cannot be deleted here. Ask an administrator to end its rights first.",
        ko="직원 계정은 탈퇴할 수 없습니다. 관리자에게 권한 해제를 먼저 요청해 주세요.",
    )


def is_recent(*, user_id: UUID, session_id: str, now: datetime) -> bool:
    """Return whether a login, named by its `sid`, is recent: Note [Recent login]."""
    row = Session.objects.filter(sid=session_id, user_id=user_id).first()
    store = _STORES.get(Session.Purpose(row.purpose)) if row is not None else None
    if row is None or store is None:
        return False
    records = store().decode(row.session_data).get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    limit = now.timestamp() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    moments = [row.started_at.timestamp(), *(record.get("at", 0) for record in records)]
    if max(moments) > limit:
        return True
    return not get_reauthentication_flows(User.objects.get(pk=user_id))


def change_settings(*, user_id: UUID, changes: Mapping[str, Any]) -> queries.PersonalSettings:
    """Change some of `FIELDS` of an account that is open. Raises `AccountClosed`."""
    require_transaction()
    user = locking.lock_active_user(user_id=user_id)
    if user is None:
        raise AccountClosed
    for name in FIELDS:
        if name in changes:
            setattr(user, name, changes[name])
    user.save(update_fields=list(FIELDS))
    return queries.settings_of(user)


def lock_to_close(*, user_id: UUID) -> User:
    """Lock an open account, so that nobody takes seats or begins to pay for it meanwhile.

    Raises `AccountClosed`, `StaffAccount`.
    """
    user = locking.lock_account(user_id=user_id)
    if user is None or not user.is_active:
        raise AccountClosed
    if user.is_staff or user.is_superuser:
        raise StaffAccount
    return user


def close(*, user: User, now: datetime) -> None:
    """Make a locked account nobody's: no name, address or credential is left, every login ends.

    The row stays, because sale records refer to it. The e-mail address is free for a new account
    and gets a letter.
    """
    require_transaction()
    former = user.email
    operations.end_sessions(user_ids=[user.pk])
    keys = ApiKey.objects.filter(created_by=user.pk, revoked_at=None)
    for key_id in list(keys.values_list("pk", flat=True)):
        ApiKey.objects.filter(pk=key_id).update(revoked_at=now)
        run_after_commit(partial(api_keys.keys_in_force.drop, key_id))
    Authenticator.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()  # PostgreSQL empties the copy
    user.groups.clear()
    user.user_permissions.clear()
    user.email = None
    user.display_name = user.phone = ""
    user.extra_time = user.is_active = False
    user.last_login = None
    user.closed_at = now
    user.set_unusable_password()
    user.save()
    security_log.record_after_commit("account_closed", user_id=user.pk)
    if former:
        notices.send("account/email/account_closed", former, {"timestamp": now})
