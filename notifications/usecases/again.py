"""The use case by which staff have letters sent again that were given up."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from kernel.db.transaction import transaction
from kernel.staff import audit
from notifications.models import Notification


def send_again(
    *, letter_ids: Iterable[UUID], actor_id: UUID | None, reason: str, now: datetime
) -> int:
    """Let letters that were given up wait again; return how many, audited if any."""
    with transaction():
        ids = sorted(letter_ids)
        rows = Notification.objects.filter(pk__in=ids, status=Notification.Status.GIVEN_UP)
        count = rows.update(
            status=Notification.Status.WAITING, due_at=now, created_at=now, attempts=0
        )
        if count:
            audit.record(
                actor_id=actor_id,
                action="notifications.send_again",
                target="notifications.notification",
                reason=reason,
                changes={"letter_ids": [str(one) for one in ids]},
                now=now,
            )
    return count
