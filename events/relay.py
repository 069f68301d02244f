"""The outbox relay: it publishes events in order, without a transaction around the network.

See Note [Order of events] in operations.py and Note [Order after failures] in kafka.py. One pass:
take the free shards that have something by session advisory locks, read their unpublished rows by
position, send and wait, mark what the broker confirmed, release the shards. A relay that dies in
the middle, or is frozen, loses its connection and so its shards (Note [Silent owners] in
kernel/db/dedicated.py); the next one sends again what was not marked.

Note [Events have a copy]
A row may be visible before any standby has it: where an operator cancels the wait of its commit,
or a server comes back by itself from a crash in the middle of that wait. If that server is lost
next, the row is gone, and a published event would report what never was. So the relay makes a
commit of its own after it has read, and before it sends: a standby that has this one has all that
was read, for the log is one line. Where no standby is waited for it costs one flush a pass.
"""

import collections
import logging
import random
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from prometheus_client import Counter, Histogram

from events import cloudevents, kafka
from events.ids import SHARDS
from kernel.db.advisory import lock_key
from kernel.db.dedicated import dedicated_connection
from kernel.db.failures import is_passing
from kernel.telemetry import context, tracing

log = logging.getLogger(__name__)

BATCH_PER_SHARD = 100
IDLE_SECONDS = 0.1
LONGEST_BACK_OFF_SECONDS = 5.0

published = Counter("frontrow_outbox_published_total", "Events published", ["topic"])
dead = Counter("frontrow_outbox_dead_total", "Events set aside as unpublishable", ["topic"])
failures = Counter("frontrow_relay_failures_total", "Relay passes that failed", ["part"])
latency = Histogram(
    "frontrow_outbox_publish_seconds",
    "From the recorded moment to the broker's confirmation",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300),
)

_SHARD_KEYS = {lock_key("events.outbox.shard", shard): shard for shard in range(SHARDS)}
_KEYS = {shard: key for key, shard in _SHARD_KEYS.items()}

# One probe of the index a shard and month, however many rows wait: DISTINCT would read them all.
_BACKLOG = """
    SELECT wanted.shard FROM unnest(%s::int[]) AS wanted(shard) CROSS JOIN LATERAL (
        SELECT FROM events_outboxevent
         WHERE shard = wanted.shard AND published_at IS NULL AND dead_at IS NULL
         ORDER BY position LIMIT 1) AS first
"""
_TAKE = "SELECT key FROM unnest(%s::bigint[]) AS key WHERE pg_try_advisory_lock(key)"
_RELEASE = "SELECT pg_advisory_unlock(key) FROM unnest(%s::bigint[]) AS key"
_READ = """
    SELECT event.* FROM unnest(%s::int[]) AS wanted(shard) CROSS JOIN LATERAL (
        SELECT id, topic, type, source, aggregate_id, subject, data, request_id, traceparent,
               created_at
          FROM events_outboxevent
         WHERE shard = wanted.shard AND published_at IS NULL AND dead_at IS NULL
         ORDER BY position LIMIT %s) AS event
"""
_MARK = """
    UPDATE events_outboxevent SET published_at = now() WHERE id = ANY(%s)
    RETURNING extract(epoch FROM now() - created_at)::float
"""
# A commit that leaves no row: Note [Events have a copy].
_AWAIT_COPY = "SELECT pg_logical_emit_message(true, 'frontrow.relay', '')"
_SET_ASIDE = "UPDATE events_outboxevent SET dead_at = now(), failure = %s WHERE id = ANY(%s)"

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class _Row:
    event: cloudevents.Event
    message: kafka.OutgoingMessage
    span: tracing.OpenSpan | None = None  # of its publication, where its trace is recorded

    @property
    def id(self) -> UUID:
        return self.event.id


def publish_once(connection: Connection, publisher: kafka.Publisher) -> int:
    """Make one pass over the shards that no other relay owns; return how many were published.

    `connection` is dedicated and in autocommit mode. Raises `kafka.KafkaUnavailable` where Kafka
    confirmed less than everything, after marking what it did confirm, and `CommitUnknown`, with
    nothing sent, where nobody can say whether what it read will last (Note [Events have a copy]).
    """
    shards = [shard for (shard,) in connection.execute(_BACKLOG, [list(_KEYS)])]
    if not shards:
        return 0
    random.shuffle(shards)  # two relays share the work instead of meeting at shard 0
    with _owned(connection, shards) as owned:
        batches = _batches_of_distinct_keys(_read(connection, owned))
        if batches:
            connection.execute(_AWAIT_COPY)
        return sum(_send(connection, publisher, rows) for rows in batches)


@contextmanager
def _owned(connection: Connection, shards: Sequence[int]) -> Iterator[list[int]]:
    """Own those of `shards` that no other session owns, until the block ends."""
    keys = [key for (key,) in connection.execute(_TAKE, [[_KEYS[shard] for shard in shards]])]
    try:
        yield [_SHARD_KEYS[key] for key in keys]
    finally:
        if not connection.closed:
            connection.execute(_RELEASE, [keys])


def _read(connection: Connection, shards: Sequence[int]) -> Iterator[_Row]:
    for row in connection.execute(_READ, [list(shards), BATCH_PER_SHARD]):
        (id_, topic, type_, source, aggregate_id, subject, data, request_id, traceparent, at) = row
        span = tracing.opened(
            traceparent, f"publish {type_}", tracing.PRODUCER, topic=topic, event=type_
        )
        event = cloudevents.Event(
            id=id_,
            source=source,
            type=type_,
            subject=subject,
            time=at,
            data=data,
            request_id=request_id,
            traceparent=span.traceparent if span else traceparent,
        )
        message = kafka.OutgoingMessage(topic, str(aggregate_id).encode(), cloudevents.dump(event))
        yield _Row(event, message, span)


def _batches_of_distinct_keys(rows: Iterable[_Row]) -> list[list[_Row]]:
    """Split the rows: the first event of each key, then the second of each, and so on.

    See Note [Order after failures] in kafka.py. Most keys have one event waiting.
    """
    batches: list[list[_Row]] = []
    sent: collections.Counter[bytes] = collections.Counter()
    for row in rows:
        key = row.message.key
        if sent[key] == len(batches):
            batches.append([])
        batches[sent[key]].append(row)
        sent[key] += 1
    return batches


def _send(connection: Connection, publisher: kafka.Publisher, rows: Sequence[_Row]) -> int:
    outcomes = publisher.send([row.message for row in rows])
    if kafka.Outcome.REJECTED in outcomes and len(rows) > 1:
        _mark(connection, rows, outcomes)
        return _one_by_one(connection, publisher, rows, outcomes)
    return _settle(connection, rows, outcomes)


def _one_by_one(
    connection: Connection,
    publisher: kafka.Publisher,
    rows: Sequence[_Row],
    outcomes: Sequence[kafka.Outcome],
) -> int:
    """Send the rest alone: a broker refuses a whole batch for one message in it."""
    count = outcomes.count(kafka.Outcome.DELIVERED)
    for row, outcome in zip(rows, outcomes, strict=True):
        if outcome is not kafka.Outcome.DELIVERED:
            count += _settle(connection, [row], publisher.send([row.message]))
    return count


def _settle(connection: Connection, rows: Sequence[_Row], outcomes: Sequence[kafka.Outcome]) -> int:
    """Store the outcomes of the rows; raises `KafkaUnavailable` if something is still to send."""
    count = _mark(connection, rows, outcomes)
    rejected = _rows_with(rows, outcomes, kafka.Outcome.REJECTED)
    if rejected:
        connection.execute(_SET_ASIDE, ["refused by Kafka", [row.id for row in rejected]])
        for row in rejected:
            dead.labels(row.message.topic).inc()
            if row.span:
                row.span.end("refused_by_kafka")
            log.error("event set aside", extra={"event_id": str(row.id)})
    if kafka.Outcome.UNKNOWN in outcomes:
        raise kafka.KafkaUnavailable("not everything was confirmed")
    return count


def _mark(connection: Connection, rows: Sequence[_Row], outcomes: Sequence[kafka.Outcome]) -> int:
    delivered = _rows_with(rows, outcomes, kafka.Outcome.DELIVERED)
    if delivered:
        for (seconds,) in connection.execute(_MARK, [[row.id for row in delivered]]):
            latency.observe(max(0.0, seconds))
        for row in delivered:
            if row.span:
                row.span.end()
            published.labels(row.message.topic).inc()
            event = row.event
            cause = context.Correlation(event.request_id, event.traceparent)
            with context.correlated(cause):
                log.info("event published", extra={"event_id": str(event.id), "type": event.type})
    return len(delivered)


def _rows_with(
    rows: Sequence[_Row], outcomes: Sequence[kafka.Outcome], wanted: kafka.Outcome
) -> list[_Row]:
    return [row for row, outcome in zip(rows, outcomes, strict=True) if outcome is wanted]


class RelayLoop:
    """The relay of one process: one pass after another until its time is over."""

    def __init__(self, publisher: kafka.Publisher) -> None:
        self._publisher = publisher
        self._running = threading.Lock()
        self._stopping = threading.Event()
        self._failed = 0

    def run(self, *, seconds: float) -> int:
        """Publish for `seconds`; return how many. At once 0 if this process already does."""
        if not kafka.is_configured() or not self._running.acquire(blocking=False):
            return 0
        try:
            return self._run(time.monotonic() + seconds)
        finally:
            self._running.release()

    def stop(self) -> None:
        """Make a running and every later `run` return soon."""
        self._stopping.set()

    def _run(self, until: float) -> int:
        total = 0
        try:
            with dedicated_connection(application="frontrow-relay") as connection:
                while time.monotonic() < until and not self._stopping.is_set():
                    count = publish_once(connection, self._publisher)
                    total += count
                    self._record_success(count)
                    if not count:
                        self._stopping.wait(IDLE_SECONDS)
        except kafka.KafkaUnavailable as error:
            self._record_failure("kafka", error)
        except psycopg.Error as error:
            if not is_passing(error):
                raise
            self._record_failure("primary", error)
        return total

    def _record_success(self, count: int) -> None:
        if count and self._failed:
            self._failed = 0
            log.warning("relay works again")

    def _record_failure(self, part: str, error: Exception) -> None:
        failures.labels(part).inc()
        self._failed += 1
        if self._failed == 1:
            log.warning("relay waits", extra={"part": part, "error": str(error)})
        back_off = min(2.0 ** (self._failed - 2), LONGEST_BACK_OFF_SECONDS)
        self._stopping.wait(back_off)


loop = RelayLoop(kafka.publisher)


def run() -> int:
    """Publish in this process for one turn of the task."""
    return loop.run(seconds=settings.RELAY_TURN_SECONDS)
