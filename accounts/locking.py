"""The only row locks of this app. Order: users by id, then sessions."""

from collections.abc import Collection
from uuid import UUID

from accounts.models import Session, User
from kernel.db.transaction import require_transaction


def lock_session(*, sid: str) -> Session | None:
    """Lock the session that tokens call `sid`; None when it has ended."""
    require_transaction()
    return Session.objects.select_for_update().filter(sid=sid).first()


def lock_users(*, user_ids: Collection[UUID]) -> list[User]:
    """Lock the users in key order."""
    require_transaction()
    return list(User.objects.select_for_update().filter(pk__in=user_ids).order_by("pk"))


def lock_active_user(*, user_id: UUID) -> User | None:
    """Lock a user who may be logged in; None when there is no such, or no more."""
    require_transaction()
    # Rows that only refer to the user are written meanwhile.
    user = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    return user if user is not None and user.is_active else None
