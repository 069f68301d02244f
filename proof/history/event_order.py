"""The order of events in Kafka: that of what happened, for each key."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Protocol
from uuid import UUID

from proof.history.recorded import History


class Published(Protocol):
    """One message of a topic: its key, and of its CloudEvent id, type and data."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def data(self) -> dict[str, Any]: ...


def _milliseconds(record: Published) -> int:
    return UUID(record.id).int >> 80  # UUIDv7 begins with them


# What can follow what, for one reservation.
_STEP = {
    "reservation.held": 0,
    "reservation.confirmed": 1,
    "reservation.expired": 1,
    "reservation.released": 1,
    "reservation.cancelled": 2,
}


def out_of_order(records: Iterable[Published]) -> list[str]:
    """Return where a key's events are not in the order in which they happened.

    Only the first appearance of an id counts: a repetition after a crash changes nothing for
    consumers, who know it by its id.
    """
    found = []
    seen: set[str] = set()
    last: dict[tuple[str, str], Published] = {}
    ended: dict[str, str] = {}
    for record in records:
        if record.id in seen:
            continue
        seen.add(record.id)
        before = last.get((record.topic, record.key))
        # Ids are made under the lock of what changed, so their milliseconds never go backwards.
        if before and _milliseconds(before) > _milliseconds(record):
            found.append(f"{record.type} of {record.key} came after a later {before.type}")
        last[record.topic, record.key] = record
        step = _STEP.get(record.type)
        if step == 1 and record.key in ended:
            found.append(f"{record.key} was {ended[record.key]} and then {record.type}")
        if step == 1:
            ended[record.key] = record.type
        if step == 0 and record.key in ended:
            found.append(f"{record.key} was {ended[record.key]} before it was held")
    return found


def events_are_published_once(history: History) -> Iterator[str]:
    """Each event of the outbox is in its topic, once, and nothing else is."""
    final = history.final
    if final is None or final.outbox is None:
        return
    times = Counter(final.published)
    lost = [event for event in final.outbox if event not in times]
    if lost:
        yield f"{len(lost)} events were not published, {lost[0]} among them"
    unknown = times.keys() - set(final.outbox)
    if unknown:
        yield f"{len(unknown)} events were published that no row has, {min(unknown)} among them"
    again = [event for event, count in times.items() if count > 1]
    if again and not final.repeats_allowed:
        yield f"{len(again)} events were published more than once, {again[0]} among them"
