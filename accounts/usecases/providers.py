"""The use cases of the sign-in provider: sign up by it, connect an account to it, disconnect.

Note [Sign-in provider]
A person may come in by an OpenID Connect provider in place of the password. The row of
django-allauth's `SocialAccount` says whom the provider means, by the provider's own name of the
person (`uid`), which no other account can have; the address that the provider says opens nothing.
So who gets an address at the provider that belongs to an account here gets no account: its
owner logs in by the password and connects the two, by a login that is recent. Who is new signs up
by an address that the provider has verified, which is then the person's as if a code had come back
(Note [Whose address] in models.py). The second factor is asked for after this way in as after the
password; lock-outs and closed accounts keep it shut. Nothing takes the last way in from a person:
one without a password keeps the provider. Tokens of the provider are kept nowhere.
"""

from datetime import datetime
from uuid import UUID

from allauth.socialaccount.models import SocialAccount

from accounts import locking, notices, operations, queries
from accounts.errors import AccountClosed
from accounts.models import User
from kernel.db.integrity import constraints_explained
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.telemetry import security_log

# django-allauth's, which has no name of its own: of provider and uid.
PROVIDER_UNIQUE = "socialaccount_socialaccount_provider_uid_fc810c6e_uniq"


class ProviderTaken(DomainError):
    """The account at the provider opens another account here."""

    code = "provider_taken"
    kind = Kind.CONFLICT
    message = text(
        en="This account at the sign-in provider is connected to another account. "
        "Nothing was changed.",
        ko="이 로그인 제공자 계정은 다른 계정에 연결되어 있습니다. 변경된 내용은 없습니다.",
    )


class ProviderConnected(DomainError):
    """The account is connected already, to another account at the provider."""

    code = "provider_connected"
    kind = Kind.CONFLICT
    message = text(
        en="Your account is connected to another account at the sign-in provider. "
        "Disconnect that one first.",
        ko="이미 다른 로그인 제공자 계정이 연결되어 있습니다. 먼저 연결을 해제해 주세요.",
    )


class LastWayIn(DomainError):
    """The person has no password: nothing else would open the account."""

    code = "last_way_in"
    kind = Kind.CONFLICT
    message = text(
        en="Without a password this is the only way into your account. Set a password first.",
        ko="비밀번호가 없어 유일한 로그인 방법입니다. 먼저 비밀번호를 설정해 주세요.",
    )


_EXPLAINED: dict[str, type[DomainError]] = {PROVIDER_UNIQUE: ProviderTaken}


def sign_up(*, provider: str, subject: str, email: str, language: str) -> User:
    """Create a person by a normalised address that the provider has verified, and connect them.

    `language` is that of letters, `ko` or `en`. Raises `EmailTaken`, `ProviderTaken`.
    """
    user = User(email=email, language=language)
    user.set_unusable_password()
    with constraints_explained({**operations.TAKEN, **_EXPLAINED}), transaction():
        User.objects.add([user], verified=True)
        _add(user, provider=provider, subject=subject, email=email)
    return user


def connect(*, user_id: UUID, provider: str, subject: str, email: str, now: datetime) -> None:
    """Let an account at the provider open this one; again, it changes nothing.

    `email` is what the provider says, to show, or "". The caller has seen to a recent login. Raises
    `AccountClosed`, `ProviderTaken`, `ProviderConnected`.
    """
    with constraints_explained(_EXPLAINED), transaction():
        user = locking.lock_active_user(user_id=user_id)
        if user is None:
            raise AccountClosed
        found = SocialAccount.objects.filter(user=user, provider=provider).first()
        if found is not None and found.uid == subject:
            return
        if found is not None:
            raise ProviderConnected
        _add(user, provider=provider, subject=subject, email=email)
        security_log.record_after_commit("provider_connected", user_id=user_id)
        _notify("account/email/provider_connected", user, now=now)


def disconnect(*, user_id: UUID, now: datetime) -> bool:
    """Let no account at a provider open this one; return whether one did.

    Every login ends, as one of them may have been made by it. Raises `AccountClosed`, `LastWayIn`.
    """
    with transaction():
        user = locking.lock_active_user(user_id=user_id)
        if user is None:
            raise AccountClosed
        rows = SocialAccount.objects.filter(user=user)
        if not rows.exists():
            return False
        if not user.has_usable_password() or queries.mailbox_of(user_id) is None:
            raise LastWayIn
        rows.delete()
        operations.end_sessions(user_ids=[user_id])
        security_log.record_after_commit("provider_disconnected", user_id=user_id)
        _notify("account/email/provider_disconnected", user, now=now)
    return True


def _add(user: User, *, provider: str, subject: str, email: str) -> None:
    shown = {"email": email} if email else {}
    SocialAccount.objects.create(user=user, provider=provider, uid=subject, extra_data=shown)


def _notify(template: str, user: User, *, now: datetime) -> None:
    if user.email:
        notices.send(template, user.email, {"timestamp": now})
