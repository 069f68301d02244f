"""The use cases of what was set aside: by Kafka in the outbox, by consumer groups in letters."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from events import kafka, replay
from events.letters import Letter, Selection
from events.models import OutboxEvent, OutboxQuerySet
from events.replay import LetterSettlement
from kernel import clock
from kernel.db.transaction import transaction
from kernel.staff import audit

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class OutboxSelection:
    """Which events that Kafka refused are meant; what is empty excludes none."""

    event_ids: frozenset[UUID] | None = None
    topic: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    types: frozenset[str] = frozenset()

    def rows(self) -> OutboxQuerySet:
        """Return the dead events that are meant."""
        rows = OutboxEvent.objects.dead()
        if self.event_ids is not None:
            rows = rows.filter(pk__in=self.event_ids)
        if self.topic:
            rows = rows.filter(topic=self.topic)
        if self.types:
            rows = rows.filter(type__in=self.types)
        if self.since:
            rows = rows.filter(created_at__gte=self.since)
        if self.until:
            rows = rows.filter(created_at__lt=self.until)
        return rows


def revive(
    *,
    selection: OutboxSelection,
    actor_id: UUID | None,
    reason: str,
    now: datetime,
    dry_run: bool = False,
) -> int:
    """Let the relay try dead events again; return how many (would be), audited if any."""
    if dry_run:
        return selection.rows().count()
    with transaction():
        ids = list(selection.rows().values_list("pk", flat=True))
        count = OutboxEvent.objects.dead().filter(pk__in=ids).update(dead_at=None, failure="")
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


def replay_letters(
    *,
    selection: Selection,
    actor_id: UUID | None,
    reason: str,
    now: datetime,
    per_second: float | None = None,
    progress: Progress = lambda count: None,
    publisher: kafka.Publisher = kafka.publisher,
) -> Mapping[LetterSettlement, int]:
    """Send letters back to their topic; return how many became what.

    Audited if any were, also when it ends half-way; calls `progress` with the count after each.
    Raises as `replay.replay` does.
    """
    settled = replay.replay(selection, per_second=per_second, publisher=publisher)
    entry = {"actor_id": actor_id, "action": "events.replay", "reason": reason, "now": now}
    return _settle(settled, selection, progress, entry)


def drop_letters(
    *, selection: Selection, actor_id: UUID | None, reason: str, now: datetime
) -> Mapping[LetterSettlement, int]:
    """Settle letters without replaying them; as `replay_letters` otherwise."""
    entry = {"actor_id": actor_id, "action": "events.drop", "reason": reason, "now": now}
    return _settle(replay.drop(selection), selection, lambda count: None, entry)


def _settle(
    settled: Iterator[tuple[Letter, LetterSettlement]],
    selection: Selection,
    progress: Progress,
    entry: dict[str, Any],
) -> Mapping[LetterSettlement, int]:
    counts: Counter[LetterSettlement] = Counter()
    try:
        for _, settlement in settled:
            counts[settlement] += 1
            progress(counts.total())
    finally:
        if counts:
            changes = {
                "counts": {settlement.value: count for settlement, count in counts.items()},
                "selection": _described(selection),
            }
            with transaction():
                audit.record(target=selection.topic, changes=changes, **entry)
    return counts


def _described(selection: Selection) -> dict[str, Any]:
    """Return a selection JSON-ready, for the audit entry."""
    return {
        "group": selection.group,
        "from": clock.as_text(selection.since) if selection.since else None,
        "to": clock.as_text(selection.until) if selection.until else None,
        "types": sorted(selection.types),
        "event_ids": sorted(map(str, selection.event_ids)),
        "places": sorted(map(str, selection.places)),
    }
