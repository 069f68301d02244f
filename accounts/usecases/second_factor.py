"""The use cases of the second factor: set it up, check a code, renew, remove, reset.

Note [Second factor]
A person who has set one up gives a code at every login, of the staff pages and of the login API.
Under `STAFF_SECOND_FACTOR_REQUIRED` staff without one see nothing of the staff pages but the page
that sets it up, and their access tokens carry neither staff status nor groups. Codes are RFC
6238's, of this half minute or a neighbour; each counts once, as the last one used is kept in the
row and checked under its lock. Recovery codes count once each; new ones replace all former ones.
Secrets are encrypted (`accounts/mfa_adapter.py`). A superuser helps a colleague who has lost device
and recovery codes: that removes the factor and ends the logins, and the password alone then leads
to a new set-up.
"""

from datetime import datetime
from uuid import UUID

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt

from accounts import locking, notices, operations
from accounts.errors import NotSetUp
from accounts.models import User
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff import audit
from kernel.telemetry import security_log

_NEIGHBOURS = (-1, 0, 1)  # half minutes that clocks may be apart
_LAST = "last_counter"  # in the row's data


class CodeWrong(DomainError):
    """The code does not belong to this secret and time."""

    code = "second_factor_code_wrong"
    kind = Kind.INVALID
    message = text(
        en="This code is not right. Check the time of your device.",
        ko="인증 코드가 올바르지 않습니다. 기기의 시각을 확인해 주세요.",
    )


class AlreadySetUp(DomainError):
    """There is one already; its owner may not be the one who is logged in."""

    code = "second_factor_set_up"
    kind = Kind.CONFLICT
    message = text(
        en="A second factor is set up already.", ko="2단계 인증이 이미 설정되어 있습니다."
    )


class SuperuserNeeded(DomainError):
    """Removing a second factor opens the account to everybody who knows its password."""

    code = "superuser_needed"
    kind = Kind.FORBIDDEN
    message = text(en="Only a superuser may do this.", ko="최고 관리자만 할 수 있는 작업입니다.")


def set_up(*, user_id: UUID, secret: str, code: str, now: datetime) -> list[str]:
    """Keep a secret that the person's device knows; return the recovery codes.

    The person's other logins end. Raises `CodeWrong`, `AlreadySetUp`.
    """
    counter = _counter_of(secret, code, now=now)
    if counter is None:
        raise CodeWrong
    with transaction():
        (user,) = locking.lock_users(user_ids=[user_id])
        if locking.lock_factors(user_id=user_id):
            raise AlreadySetUp
        row = TOTP.activate(user, secret).instance
        row.data[_LAST] = counter
        row.save(update_fields=["data"])
        codes: list[str] = RecoveryCodes.activate(user).generate_codes()
        operations.end_sessions(user_ids=[user_id])
        _notify("account/email/second_factor_set", user, now=now)
    return codes


def check(*, user_id: UUID, code: str, now: datetime) -> Authenticator | None:
    """Return the factor that a code proves, once; None for a wrong or used code."""
    with transaction():
        factors = locking.lock_factors(user_id=user_id)
        totp = factors.get(Authenticator.Type.TOTP)
        if totp is None:
            return None
        counter = _counter_of(decrypt(totp.data["secret"]), code, now=now)
        if counter is not None:
            if counter <= totp.data.get(_LAST, 0):
                return None
            totp.data[_LAST] = counter
            totp.save(update_fields=["data"])
            return totp
        recovery = factors.get(Authenticator.Type.RECOVERY_CODES)
        if recovery is not None and RecoveryCodes(recovery).validate_code(code):
            return recovery
    return None


def renew_recovery_codes(*, user_id: UUID, now: datetime) -> list[str]:
    """Replace a person's recovery codes, used and unused, and return the new ones.

    The caller has checked a code (`check`). Raises `NotSetUp`.
    """
    with transaction():
        (user,) = locking.lock_users(user_ids=[user_id])
        factors = locking.lock_factors(user_id=user_id)
        if Authenticator.Type.TOTP not in factors:
            raise NotSetUp
        if former := factors.get(Authenticator.Type.RECOVERY_CODES):
            former.delete()
        codes: list[str] = RecoveryCodes.activate(user).generate_codes()
        _notify("account/email/recovery_codes_renewed", user, now=now)
    return codes


def remove(*, user_id: UUID, now: datetime) -> None:
    """Let a fan go on without a second factor; every login ends.

    The caller has checked a code (`check`). Raises `SuperuserNeeded` for staff, and `NotSetUp`.
    """
    with transaction():
        (user,) = locking.lock_users(user_ids=[user_id])
        if user.is_staff or user.is_superuser:
            raise SuperuserNeeded
        factors = locking.lock_factors(user_id=user_id)
        if Authenticator.Type.TOTP not in factors:
            raise NotSetUp
        Authenticator.objects.filter(user_id=user_id).delete()  # passkeys too: Note [Passkeys]
        operations.end_sessions(user_ids=[user_id])
        _notify("account/email/second_factor_removed", user, now=now)


def reset(*, user_id: UUID, actor_id: UUID, reason: str, now: datetime) -> bool:
    """Remove a person's second factor and end the logins; return whether there was one.

    Raises `SuperuserNeeded` unless the actor is a superuser.
    """
    with transaction():
        users = {user.pk: user for user in locking.lock_users(user_ids={user_id, actor_id})}
        if not users[actor_id].is_superuser:
            raise SuperuserNeeded
        factors = locking.lock_factors(user_id=user_id)
        Authenticator.objects.filter(user_id=user_id).delete()
        if factors:
            user = users[user_id]
            operations.end_sessions(user_ids=[user_id])
            operations.record_audit(
                actor_id=actor_id,
                action="accounts.reset_second_factor",
                target=audit.target_of(user),
                reason=reason,
                changes={},
                now=now,
            )
            security_log.record_after_commit("mfa_deactivated", user_id=user_id, actor_id=actor_id)
            _notify("account/email/second_factor_reset", user, now=now)
    return bool(factors)


def _counter_of(secret: str, code: str, *, now: datetime) -> int | None:
    """Return the half minute whose code this is, the latest first; None where it is no code."""
    period: int = app_settings.TOTP_PERIOD
    current = int(now.timestamp()) // period
    for step in sorted(_NEIGHBOURS, reverse=True):
        expected = format_hotp_value(hotp_value(secret, current + step))
        if compare_user_code(actual=code, expected=expected):
            return current + step
    return None


def _notify(template: str, user: User, *, now: datetime) -> None:
    if user.email:
        notices.send(template, user.email, {"timestamp": now})
