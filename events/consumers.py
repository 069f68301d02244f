"""Consumer groups as apps declare them, and the application of an event, once.

Note [Applied once]
Kafka delivers at least once. The handler runs in one transaction with the insertion of its inbox
row, whose key is made of event and group: a second delivery finds the key taken and changes
nothing. The offset is committed to Kafka only after that transaction, so a crash in between leads
to a second delivery, never to a lost one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from events.cloudevents import Event
from events.ids import inbox_key
from kernel.db.transaction import transaction

__all__ = ["Consumer", "Event", "apply_once", "configured"]


class Handler(Protocol):
    """Apply an event inside the transaction that the runtime opened; no network, no clock."""

    def __call__(self, event: Event, *, now: datetime) -> None: ...


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer group: which topics it reads and what it does with an event.

    Events of other types are passed over without touching the database; no `types` means all.
    """

    group: str
    topics: tuple[str, ...]
    handle: Handler
    types: frozenset[str] = frozenset()

    def wants(self, event: Event) -> bool:
        """Return whether the handler is for this type of event."""
        return not self.types or event.type in self.types


def configured(groups: Iterable[str] = ()) -> list[Consumer]:
    """Return the consumers of settings.EVENT_CONSUMERS; raises `LookupError` for unknown groups."""
    consumers: list[Consumer] = [import_string(path) for path in settings.EVENT_CONSUMERS]
    wanted = set(groups)
    unknown = wanted - {consumer.group for consumer in consumers}
    if unknown:
        raise LookupError(f"no consumer group {', '.join(sorted(unknown))}")
    return [consumer for consumer in consumers if not wanted or consumer.group in wanted]


def apply_once(consumer: Consumer, event: Event, *, now: datetime) -> bool:
    """Run the handler unless the group has applied the event; return whether it ran."""
    with transaction():
        if not _insert_inbox_entry(consumer.group, event, now):
            return False
        consumer.handle(event, now=now)
    return True


def _insert_inbox_entry(group: str, event: Event, now: datetime) -> bool:
    # Waits here while another process applies the same event.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_inboxentry (id, "group", event_id, type, applied_at)
            VALUES (%s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING
            """,
            [inbox_key(event.id, group), group, event.id, event.type, now],
        )
        return bool(cursor.rowcount)


Clock = Callable[[], datetime]
