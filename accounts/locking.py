"""The row locks of this app, in this order: users by id, second factors, sessions by key."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import connection

from accounts.errors import AccountClosed
from accounts.models import Approval, Session, User
from kernel.db.transaction import require_transaction


def lock_approval(*, approval_id: UUID) -> Approval | None:
    """Lock a request for a second person, before any other row of its deed."""
    require_transaction()
    return Approval.objects.select_for_update().filter(pk=approval_id).first()


def lock_session(*, sid: str) -> Session | None:
    """Lock the session that tokens call `sid`; None when it has ended."""
    require_transaction()
    return Session.objects.select_for_update().filter(sid=sid).first()


def lock_sessions(*, user_ids: Collection[UUID]) -> list[Session]:
    """Lock the users' sessions in key order; their rows of users are locked already."""
    require_transaction()
    mine = Session.objects.select_for_update().filter(user_id__in=user_ids)
    return list(mine.order_by("session_key"))


def lock_expired_sessions(*, now: datetime, limit: int) -> list[Session]:
    """Lock at most `limit` expired sessions that no other transaction has locked."""
    require_transaction()
    over = Session.objects.select_for_update(skip_locked=True).filter(expire_date__lt=now)
    return list(over.order_by("expire_date")[:limit])


def lock_users(*, user_ids: Collection[UUID]) -> list[User]:
    """Lock the users in key order."""
    require_transaction()
    # Rows that only refer to a user are written meanwhile.
    return list(User.objects.select_for_update(no_key=True).filter(pk__in=user_ids).order_by("pk"))


def lock_active_user(*, user_id: UUID) -> User | None:
    """Lock a user who may be logged in; None where there is none, or it is locked out."""
    require_transaction()
    # Rows that only refer to the user are written meanwhile.
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    return user if user is not None and user.is_active else None


def lock_account(*, user_id: UUID) -> User | None:
    """Lock a person alone, so that no row that refers to the person is written meanwhile."""
    require_transaction()
    return User.objects.select_for_update().filter(pk=user_id).first()


_SHARE = "SELECT is_active FROM accounts_user WHERE id = %s FOR KEY SHARE"


def share_open_account(*, user_id: UUID) -> None:
    """Keep an account open until the transaction ends. Raises `AccountClosed` where it isn't.

    Only who closes an account waits for this, and is waited for.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_SHARE, [user_id])
        found = cursor.fetchone()
    if found is None or not found[0]:
        raise AccountClosed


def lock_factors(*, user_id: UUID) -> dict[str, Authenticator]:
    """Lock a person's second factors and return them by type; of several passkeys the last."""
    require_transaction()
    rows = Authenticator.objects.select_for_update().filter(user_id=user_id).order_by("pk")
    return {row.type: row for row in rows}
