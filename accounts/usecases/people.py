"""The use cases of locking accounts: lock out, unlock."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from accounts import locking, operations
from accounts.models import User
from kernel.db.transaction import transaction
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.staff import audit
from kernel.telemetry import security_log


class OwnAccount(DomainError):
    """Members of staff cannot lock themselves out."""

    code = "own_account"
    kind = Kind.CONFLICT
    message = text(en="You cannot lock yourself out.", ko="자신의 계정은 잠글 수 없습니다.")


class NotAllowedToTouchSuperuser(DomainError):
    """Only a superuser may act on one."""

    code = "superuser_only"
    kind = Kind.FORBIDDEN
    message = text(
        en="Only a superuser may act on a superuser.",
        ko="최고 관리자 계정은 최고 관리자만 변경할 수 있습니다.",
    )


def lock_out(*, user_ids: Collection[UUID], actor_id: UUID, reason: str, now: datetime) -> int:
    """Lock the users out and end their logins; return how many were active.

    Raises `OwnAccount`, `NotAllowedToTouchSuperuser`; then nobody is locked out.
    """
    if actor_id in user_ids:
        raise OwnAccount
    with transaction():
        changed = _set_active(user_ids, active=False, actor_id=actor_id, reason=reason, now=now)
        operations.end_sessions(user_ids=changed)
    return len(changed)


def unlock(*, user_ids: Collection[UUID], actor_id: UUID, reason: str, now: datetime) -> int:
    """Unlock locked-out users; return how many there were."""
    with transaction():
        changed = _set_active(user_ids, active=True, actor_id=actor_id, reason=reason, now=now)
    return len(changed)


def _set_active(
    user_ids: Collection[UUID], *, active: bool, actor_id: UUID, reason: str, now: datetime
) -> list[UUID]:
    users = [
        user
        for user in locking.lock_users(user_ids=user_ids)
        if user.is_active is not active and user.closed_at is None
    ]
    if any(user.is_superuser for user in users):
        actor = User.objects.get(pk=actor_id)
        if not actor.is_superuser:
            raise NotAllowedToTouchSuperuser
    changed = [user.pk for user in users]
    event = "account_let_in" if active else "account_locked_out"
    User.objects.filter(pk__in=changed).update(is_active=active)
    for user in users:
        operations.record_audit(
            actor_id=actor_id,
            action="accounts.let_in" if active else "accounts.lock_out",
            target=audit.target_of(user),
            reason=reason,
            changes={"is_active": {"from": not active, "to": active}},
            now=now,
        )
    for key in changed:
        security_log.record_after_commit(event, user_id=key, actor_id=actor_id)
    return changed
