"""The consumer group `notifications`: events become letters to write."""

from collections.abc import Sequence
from datetime import datetime

from events.consumers import Consumer, Event
from notifications import operations
from notifications.kinds import KINDS


def write_letter(event: Event, *, now: datetime) -> None:
    """Write down the letters that an event causes."""
    operations.write_letters(events=[event], now=now)


def write_letters(events: Sequence[Event], *, now: datetime) -> None:
    """Write down the letters of several events with one statement."""
    operations.write_letters(events=events, now=now)


notifications = Consumer(
    group="notifications",
    topics=tuple(sorted({kind.topic for kind in KINDS})),
    types=frozenset(kind.event_type for kind in KINDS),
    handle=write_letter,
    handle_many=write_letters,
)
