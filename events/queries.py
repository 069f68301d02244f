"""Reads of the outbox and of freezes, always from the primary."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from events.ids import SHARDS
from events.models import ConsumerFreeze

BACKLOG_COUNTED_TO = 10_000

# Bounded, however many rows wait: the first of each shard gives the age (rows of a shard are
# written in the order of their positions, give or take a transaction), the count ends at its bound.
_STATE = """
    SELECT (SELECT count(*) FROM (SELECT FROM events_outboxevent
                                   WHERE published_at IS NULL AND dead_at IS NULL
                                   LIMIT %(bound)s) AS waiting),
           (SELECT min(first.created_at)
              FROM generate_series(0, %(shards)s - 1) AS wanted(shard) CROSS JOIN LATERAL (
                   SELECT created_at FROM events_outboxevent
                    WHERE shard = wanted.shard AND published_at IS NULL AND dead_at IS NULL
                    ORDER BY position LIMIT 1) AS first),
           (SELECT count(*) FROM (SELECT FROM events_outboxevent WHERE dead_at IS NOT NULL
                                   LIMIT %(bound)s) AS dead)
"""


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How much waits for the relay, since when, and how much was set aside.

    `backlog` and `dead` are counted up to `BACKLOG_COUNTED_TO`.
    """

    backlog: int
    age_seconds: float
    dead: int


def outbox_state(*, now: datetime) -> OutboxState:
    """Return the outbox's state at `now`, in one statement whose cost the backlog doesn't raise."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, {"bound": BACKLOG_COUNTED_TO, "shards": SHARDS})
        backlog, oldest, dead = cursor.fetchone()
    age = (now - oldest).total_seconds() if oldest else 0.0
    return OutboxState(backlog, max(0.0, age), dead)


def freeze_in_force() -> ConsumerFreeze | None:
    """Return the freeze of the consumers that is not over, if there is one."""
    return ConsumerFreeze.objects.filter(resumed_at=None).order_by("frozen_at").first()
