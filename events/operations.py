"""Writes of the outbox, in the transaction that makes the events true.

Note [Order of events]
Events of one aggregate keep their order all the way: the writer holds the aggregate's row lock, so
`position` grows in commit order within it; all its events share one shard; one relay at a time
owns a shard and publishes it by position; the Kafka key is the aggregate id, so they share a
partition. Between aggregates there is no order: a transaction that took a lower position may
commit later, which is why the relay looks for what is unpublished and never pages by "greater
than the last one".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from events.ids import shard_of
from events.models import OutboxEvent
from kernel.db.inserts import insert_all
from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from kernel.telemetry import context
from kernel.telemetry.context import Correlation


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A fact about an aggregate, to be published.

    `topic` is one of `settings.EVENT_TOPICS`, `source` is `/frontrow/<app>`, `data` JSON-ready
    (UUIDs and datetimes are) and without personal data; `subject` defaults to the aggregate's id,
    `correlation` to that of the request that records it.
    """

    topic: str
    type: str
    source: str
    aggregate_id: UUID
    data: dict[str, Any] = field(hash=False)
    subject: str | None = None
    correlation: Correlation | None = None

    def __post_init__(self) -> None:
        if self.topic not in settings.EVENT_TOPICS:
            raise ValueError(f"{self.topic!r} is not in settings.EVENT_TOPICS")


def record(*, events: Sequence[NewEvent], now: datetime) -> list[UUID]:
    """Insert the events with one statement and return their ids.

    Needs the transaction of the change that they report (`TransactionRequired` otherwise).
    """
    require_transaction()
    current = context.current()
    rows = [
        OutboxEvent(
            id=uuid7(),
            shard=shard_of(event.aggregate_id),
            topic=event.topic,
            type=event.type,
            source=event.source,
            aggregate_id=event.aggregate_id,
            subject=event.subject or str(event.aggregate_id),
            data=event.data,
            request_id=(event.correlation or current).request_id,
            traceparent=(event.correlation or current).traceparent,
            created_at=now,
        )
        for event in events
    ]
    insert_all(rows)
    return [row.id for row in rows]
