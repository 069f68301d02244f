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


def send_to_fan_again(
    *, letter_id: UUID, user_id: UUID, actor_id: UUID | None, reason: str, now: datetime
) -> bool:
    """Let a letter of a fan, sent or given up, wait again; False where it waits or is none of his.

    A mailbox that kept the first one may take the second for the same: its Message-ID is the same.
    """
    over = (Notification.Status.GIVEN_UP, Notification.Status.SENT)
    with transaction():
        rows = Notification.objects.filter(pk=letter_id, user_id=user_id, status__in=over)
        count = rows.update(
            status=Notification.Status.WAITING,
            due_at=now,
            created_at=now,
            attempts=0,
            sent_at=None,
            failure="",
        )
        if count:
            audit.record(
                actor_id=actor_id,
                action="notifications.send_again",
                target=audit.target(Notification, letter_id),
                reason=reason,
                changes={"user_id": str(user_id)},
                now=now,
            )
    return bool(count)
