"""Consumer groups as apps declare them, and the application of an event, once.

Note [Applied once]
Kafka delivers at least once. The handler runs in one transaction with the insertion of its inbox
row, whose key is made of event and group: a second delivery finds the key taken and changes
nothing. The offset is committed to Kafka only after that transaction, so a crash in between leads
to a second delivery, never to a lost one.

Note [Frozen consumers]
While a release is rolled back no event may take effect. The transaction of an event shares a lock
that a freeze takes alone, and inserts its inbox row only where no freeze is in force: once the
command has returned, nothing more is applied until `resume`, whatever a runner knew. Offsets are
committed under the same lock, also those of events that are passed over: a freeze that begins
meanwhile returns after Kafka has replied, or says that the database is busy where that takes
longer than it waits for a lock: it is to be repeated. That transaction writes nothing, so it may
stay open for a call of the network: one that is lost is followed by the same commit again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from events import locking, queries
from events.cloudevents import Event
from events.ids import inbox_key
from kernel.db.transaction import transaction

__all__ = [
    "Consumer",
    "ConsumersFrozen",
    "Event",
    "apply_many",
    "apply_once",
    "configured",
    "unless_frozen",
]


class Handler(Protocol):
    """Apply an event inside the transaction that the runtime opened; no network, no clock."""

    def __call__(self, event: Event, *, now: datetime) -> None: ...


class BatchHandler(Protocol):
    """Apply several events, in order, inside one transaction; no network, no clock."""

    def __call__(self, events: Sequence[Event], *, now: datetime) -> None: ...


class ConsumersFrozen(Exception):
    """A freeze is in force: nothing was applied."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer group: which topics it reads and what it does with an event.

    Events of other types are passed over without touching the database; no `types` means all.
    With `handle_many` events that come together are applied together; where that fails, each
    alone.
    """

    group: str
    topics: tuple[str, ...]
    handle: Handler
    types: frozenset[str] = frozenset()
    handle_many: BatchHandler | None = None

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
    """Run the handler unless the group has applied the event; return whether it ran.

    Raises `ConsumersFrozen`.
    """
    with transaction():
        if not _insert_inbox_entries(consumer.group, [event], now):
            return False
        consumer.handle(event, now=now)
    return True


def apply_many(consumer: Consumer, events: Sequence[Event], *, now: datetime) -> set[UUID]:
    """Apply those events that the group has not applied, all in one transaction; return their ids.

    For consumers with `handle_many`. Raises `ConsumersFrozen`.
    """
    assert consumer.handle_many is not None
    with transaction():
        inserted = _insert_inbox_entries(consumer.group, events, now)
        first = {event.id: event for event in reversed(events) if event.id in inserted}
        if first:
            consumer.handle_many(list(reversed(first.values())), now=now)
    return inserted


@contextmanager
def unless_frozen() -> Iterator[None]:
    """Let no freeze begin before the block has ended. Raises `ConsumersFrozen`."""
    with transaction():
        locking.share_freeze()
        if queries.freeze_in_force() is not None:
            raise ConsumersFrozen
        with connection.cursor() as cursor:  # the block may take as long as a broker keeps silent
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '2min'")
        yield


def _insert_inbox_entries(group: str, events: Sequence[Event], now: datetime) -> set[UUID]:
    """Return the ids whose rows are new. Waits while another process applies one of the events."""
    locking.share_freeze()
    rows = sorted((inbox_key(event.id, group), event.id, event.type) for event in events)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO events_inboxentry (id, "group", event_id, type, applied_at)
            SELECT id, %s, event_id, type, %s
              FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS new (id, event_id, type)
             WHERE NOT EXISTS (SELECT FROM events_consumerfreeze WHERE resumed_at IS NULL)
            ON CONFLICT (id) DO NOTHING RETURNING event_id
            """,
            [group, now, *map(list, zip(*rows, strict=True))],
        )
        inserted = {row[0] for row in cursor.fetchall()}
    if not inserted and events and queries.freeze_in_force() is not None:
        raise ConsumersFrozen
    return inserted


Clock = Callable[[], datetime]
