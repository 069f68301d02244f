"""The use cases that freeze the consumers while a release is rolled back, and resume them."""

from datetime import datetime
from uuid import UUID

from events import locking, queries
from events.models import ConsumerFreeze
from kernel.db.transaction import transaction
from kernel.staff import audit


def freeze(*, actor_id: UUID | None, reason: str, now: datetime) -> bool:
    """Let no consumer group apply an event from now on; return whether that is new.

    Returns once the events that were being applied have committed. Where a freeze is in force it
    stays, with its reason. See Note [Frozen consumers] in consumers.py.
    """
    with transaction():
        locking.lock_freeze()
        if queries.freeze_in_force() is not None:
            return False
        row = ConsumerFreeze.objects.create(reason=reason, frozen_at=now)
        _audit("events.freeze", row, actor_id=actor_id, reason=reason, now=now)
    return True


def resume(*, actor_id: UUID | None, reason: str, now: datetime) -> bool:
    """Let the consumer groups go on; return whether they were frozen."""
    with transaction():
        locking.lock_freeze()
        row = queries.freeze_in_force()
        if row is None:
            return False
        ConsumerFreeze.objects.filter(pk=row.pk).update(resumed_at=now)
        _audit("events.resume", row, actor_id=actor_id, reason=reason, now=now)
    return True


def _audit(
    action: str, row: ConsumerFreeze, *, actor_id: UUID | None, reason: str, now: datetime
) -> None:
    audit.record(
        actor_id=actor_id,
        action=action,
        target=audit.target_of(row),
        reason=reason,
        changes={},
        now=now,
    )
