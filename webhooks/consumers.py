"""The consumer group `webhooks`: events become deliveries to endpoints."""

from collections.abc import Sequence
from datetime import datetime

from events import topics
from events.consumers import Consumer, Event
from webhooks import operations
from webhooks.event_types import EVENT_TYPES


def write_delivery(event: Event, *, now: datetime) -> None:
    """Write down the deliveries of an event."""
    operations.write_deliveries(events=[event], now=now)


def write_deliveries(events: Sequence[Event], *, now: datetime) -> None:
    """Write down the deliveries of several events with one statement."""
    operations.write_deliveries(events=events, now=now)


webhooks = Consumer(
    group="webhooks",
    topics=topics.ALL,
    types=frozenset(EVENT_TYPES),
    handle=write_delivery,
    handle_many=write_deliveries,
)
