"""The use case of looking a fan up: what staff see of somebody stands in the audit log."""

from datetime import datetime
from uuid import UUID

from accounts.models import User
from accounts.operations import record_audit
from kernel.db.transaction import transaction
from kernel.staff import audit

LOOK = "accounts.look_up"  # the action in the audit log


def record_look(*, user_id: UUID, actor_id: UUID, reason: str, now: datetime) -> None:
    """Write down that a member of staff looks at a fan, and why."""
    with transaction():
        record_audit(
            actor_id=actor_id,
            action=LOOK,
            target=audit.target(User, user_id),
            reason=reason,
            changes={},
            now=now,
        )
