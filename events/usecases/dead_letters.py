"""The use case that lets events which Kafka refused be published again."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from events.models import OutboxEvent
from kernel.db.transaction import transaction
from kernel.staff import audit


def revive(
    *, event_ids: Sequence[UUID] | None, actor_id: UUID | None, reason: str, now: datetime
) -> int:
    """Let the relay try dead events again (all for None); return how many, audited if any."""
    with transaction():
        rows = OutboxEvent.objects.dead()
        if event_ids is not None:
            rows = rows.filter(pk__in=event_ids)
        ids = list(rows.values_list("pk", flat=True))
        count = rows.filter(pk__in=ids).update(dead_at=None, failure="")
        if ids:
            audit.record(
                actor_id=actor_id,
                action="events.revive",
                target="events.outboxevent",
                reason=reason,
                changes={"event_ids": [str(event_id) for event_id in ids]},
                now=now,
            )
    return count
