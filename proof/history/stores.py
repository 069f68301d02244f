"""The final state of a sale, as its stores hold it."""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from events import kafka, letters
from proof.history.recorded import FinalState

_LETTERS = {"AVAILABLE": "A", "TEMPORARILY_RESERVED": "T", "RESERVED": "R", "BLOCKED": "B"}


def final_state(performance_id: UUID, fans: Sequence[UUID]) -> FinalState:
    """Return where seats, tickets and the money of fans are; the events are not in it."""
    owned = _rows(
        "SELECT seat_id::text, status, reservation_id::text FROM reservations_seatinventory"
        " WHERE performance_id = %s",
        performance_id,
    )
    tickets = _rows(
        "SELECT reservation_id::text, seat_id::text FROM tickets_ticket"
        " WHERE performance_id = %s AND status <> 'VOID'",
        performance_id,
    )
    payments = _rows(
        "SELECT id::text, reservation_id::text FROM payments_payment"
        " WHERE user_id = ANY(%s) AND status = 'PAID'",
        list(fans),
    )
    balances = _rows("SELECT id::text, balance FROM points_account WHERE id = ANY(%s)", list(fans))
    return FinalState(
        at=time.monotonic(),
        seats={seat: _LETTERS[status] for seat, status, _ in owned},
        owners={seat: owner for seat, _, owner in owned if owner},
        tickets=tuple(tickets),
        payments=dict(payments),
        balances=dict(balances),
    )


def with_events(final: FinalState) -> FinalState:
    """Return a final state with all events of the site; without Kafka it is as it was.

    The site goes on meanwhile: an event that is recorded while the topics are read counts for
    nothing, nor does one whose turn at the relay has not come. Raises `kafka.KafkaUnavailable` and
    `KafkaException`.
    """
    if not kafka.is_configured():
        return final
    due = {event for (event,) in _rows(_DUE_EVENTS)}
    published = list(_published())
    later = {event for (event,) in _rows("SELECT id::text FROM events_outboxevent")} - due
    return replace(
        final,
        outbox=tuple(due),
        published=tuple(event for event in published if event not in later),
    )


def _published() -> Iterator[str]:
    with closing(letters.client("frontrow-rush.reader")) as reader:
        for topic in settings.EVENT_TOPICS:
            for message in letters.messages_of(reader, letters.partitions_of(reader, topic)):
                yield str(json.loads(message.value() or b"")["id"])


_DUE_EVENTS = """
SELECT id::text FROM events_outboxevent
 WHERE published_at IS NOT NULL OR created_at < now() - interval '10 seconds'
"""


def _rows(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values) or None)
        found: list[Any] = cursor.fetchall()
        return found
