"""Reads of the outbox, always from the primary."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min

from events.models import OutboxEvent


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How much waits for the relay, since when, and how much was set aside."""

    backlog: int
    age_seconds: float
    dead: int


def outbox_state(*, now: datetime) -> OutboxState:
    """Return the outbox's state at `now`; both reads use a partial index."""
    waiting = OutboxEvent.objects.unpublished().aggregate(n=Count("pk"), oldest=Min("created_at"))
    oldest = waiting["oldest"]
    age = (now - oldest).total_seconds() if oldest else 0.0
    return OutboxState(waiting["n"], max(0.0, age), OutboxEvent.objects.dead().count())
