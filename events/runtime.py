"""The consumer runtime: fetch, apply once, commit the offset, dead-letter what can't be applied.

An event that fails because a dependency is unavailable or busy is tried again for ever, with a
growing pause and without leaving the group. One that fails by itself is tried a few times and then
goes to the topic's dead-letter topic, unless too many in a row do: then the consumer is broken, and
it stops with the events still in place.
"""

import logging
import threading
import time
from enum import StrEnum

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaException, Message, TopicPartition
from django.conf import settings
from django.db import connections
from prometheus_client import Counter, Gauge, Histogram

from events import cloudevents, dead_letters, kafka
from events.consumers import Clock, Consumer, apply_once
from kernel.db.failures import is_passing
from kernel.redis.breaker import DependencyUnavailable
from kernel.telemetry import context

log = logging.getLogger(__name__)

BATCH = 100
FETCH_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
LAG_EVERY_SECONDS = 5.0

handled = Counter("frontrow_consumer_events_total", "Events seen, by result", ["group", "result"])
lag = Gauge("frontrow_consumer_lag", "Messages of its partitions still to read", ["group"])
retries = Counter("frontrow_consumer_retries_total", "Attempts that failed", ["group"])
running = Gauge("frontrow_consumer_running", "1 while the group's thread runs", ["group"])
delay = Histogram(
    "frontrow_consumer_delay_seconds",
    "From the event's time to its application",
    ["group"],
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600),
)


class Result(StrEnum):
    """The result of handling a message."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    PASSED_OVER = "passed_over"
    DEAD = "dead"


class TooManyDeadLetters(Exception):
    """So many messages in a row failed that the consumer itself must be at fault."""


class _Passing(Exception):
    """A dependency is unavailable or busy: the message is fine and must be tried again."""


class _Interrupted(Exception):
    """The group is to stop; the message stays where it is."""


class GroupRunner:
    """One consumer group in this process; `run` returns after `stop` or raises."""

    def __init__(
        self,
        consumer: Consumer,
        *,
        now: Clock,
        publisher: kafka.Publisher = kafka.publisher,
    ) -> None:
        self._consumer = consumer
        self._now = now
        self._publisher = publisher
        self._stopping = threading.Event()
        self._dead_in_a_row = 0
        self._failed = 0
        self._measured_at = float("-inf")

    def stop(self) -> None:
        """Let the message in hand finish, commit, leave the group."""
        self._stopping.set()

    def run(self) -> None:
        """Consume until stopped; raises `TooManyDeadLetters` and `dead_letters.LetterRefused`."""
        group = self._consumer.group
        client = self._client()
        running.labels(group).set(1)
        try:
            client.subscribe(list(self._consumer.topics))
            while not self._stopping.is_set():
                messages = [m for m in client.consume(BATCH, FETCH_SECONDS) if _usable(m)]
                if messages:
                    self._handle_batch(client, messages)
                self._measure_lag(client)
        finally:
            running.labels(group).set(0)
            client.close()
            connections.close_all()

    def _client(self) -> Client:
        return Client(
            kafka.client_settings(
                **{
                    "group.id": self._consumer.group,
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "partition.assignment.strategy": "cooperative-sticky",
                    "session.timeout.ms": 15_000,
                    "max.poll.interval.ms": 300_000,
                    "topic.metadata.refresh.interval.ms": 10_000,
                }
            )
        )

    def _handle_batch(self, client: Client, messages: list[Message]) -> None:
        """Handle the messages in order and commit the offsets of those that were handled.

        A rebalance happens only inside `consume`, so what is committed here is still ours; if the
        group removed us meanwhile the commit is refused and the inbox absorbs the repetition.
        """
        next_offsets: dict[tuple[str, int], int] = {}
        unhandled = list(messages)
        try:
            while unhandled:
                if self._stopping.is_set():
                    raise _Interrupted
                self._handle(unhandled[0])
                # Only now: a message leaves the list, and its offset is committed, once its
                # transaction or the broker's word for its dead letter is behind us.
                message = unhandled.pop(0)
                next_offsets[_partition_of(message)] = (message.offset() or 0) + 1
        except _Interrupted:
            pass
        except (_Passing, kafka.KafkaUnavailable) as error:
            self._pause(error)
        finally:
            # Whatever ended the batch: what was handled must not be delivered again.
            _commit(client, next_offsets)
            connections.close_all()  # an idle group holds no pooled connection
        if not self._stopping.is_set():
            # The client has moved past the whole batch; it must fetch what is left once more.
            _rewind(client, unhandled)

    def _handle(self, message: Message) -> None:
        group = self._consumer.group
        try:
            event = cloudevents.load(message.value())
        except cloudevents.NotAnEvent as error:
            self._dead_letter(message, error, attempts=1)
            return
        correlation = context.received(event.request_id, event.traceparent)
        with context.correlated(correlation):
            result = self._apply(message, event)
            if result is not Result.PASSED_OVER:
                fields = {"group": group, "event_id": str(event.id), "type": event.type}
                log.info("event handled", extra={**fields, "result": result.value})
        handled.labels(group, result).inc()
        if result is Result.APPLIED:
            delay.labels(group).observe(max(0.0, (self._now() - event.time).total_seconds()))
        if result in (Result.APPLIED, Result.DUPLICATE):
            self._dead_in_a_row = self._failed = 0

    def _apply(self, message: Message, event: cloudevents.Event) -> Result:
        if not self._consumer.wants(event):
            return Result.PASSED_OVER
        for attempt in range(1, settings.CONSUMER_ATTEMPTS + 1):
            try:
                applied = apply_once(self._consumer, event, now=self._now())
                return Result.APPLIED if applied else Result.DUPLICATE
            except Exception as error:
                retries.labels(self._consumer.group).inc()
                if _is_passing(error):
                    raise _Passing(repr(error)) from error
                log.exception("event failed", extra={"event_id": str(event.id), "attempt": attempt})
                if attempt == settings.CONSUMER_ATTEMPTS:
                    self._dead_letter(message, error, attempts=attempt)
                    return Result.DEAD
                if self._stopping.wait(0.1 * 2**attempt):
                    raise _Interrupted from error
        raise AssertionError("CONSUMER_ATTEMPTS is at least 1")

    def _dead_letter(self, message: Message, error: Exception, *, attempts: int) -> None:
        """Send the message to its dead-letter topic, or give up on the consumer."""
        group = self._consumer.group
        if self._dead_in_a_row >= settings.CONSUMER_DEAD_LETTERS_IN_A_ROW:
            raise TooManyDeadLetters(
                f"{group}: {self._dead_in_a_row + 1} messages in a row failed"
            ) from error
        dead_letters.send(self._publisher, message, group=group, error=error, attempts=attempts)
        self._dead_in_a_row += 1  # only now: a letter that waits for Kafka is tried many times
        log.error("event dead-lettered", extra={"group": group, "error": repr(error)})

    def _pause(self, error: Exception) -> None:
        self._failed += 1
        if self._failed == 1:
            log.warning(
                "consumer waits", extra={"group": self._consumer.group, "error": repr(error)}
            )
        self._stopping.wait(min(0.1 * 2**self._failed, LONGEST_PAUSE_SECONDS))

    def _measure_lag(self, client: Client) -> None:
        if time.monotonic() - self._measured_at < LAG_EVERY_SECONDS:
            return
        self._measured_at = time.monotonic()
        behind = 0
        for partition in client.position(client.assignment()):
            _, high = client.get_watermark_offsets(partition, cached=True)
            if partition.offset >= 0 and high >= 0:
                behind += max(0, high - partition.offset)
        lag.labels(self._consumer.group).set(behind)


def _is_passing(error: Exception) -> bool:
    return is_passing(error) or isinstance(error, DependencyUnavailable)


def _usable(message: Message) -> bool:
    error = message.error()
    if error is not None:
        kafka.errors_seen.labels(error.name()).inc()
    return error is None


def _partition_of(message: Message) -> tuple[str, int]:
    return message.topic() or "", message.partition() or 0


def _commit(client: Client, next_offsets: dict[tuple[str, int], int]) -> None:
    offsets = [
        TopicPartition(topic, part, offset) for (topic, part), offset in next_offsets.items()
    ]
    if not offsets:
        return
    try:
        client.commit(offsets=offsets, asynchronous=False)
    except KafkaException as error:
        # They will be delivered again, to us or to another, and found in the inbox.
        log.warning("offsets not committed", extra={"error": str(error)})


def _rewind(client: Client, messages: list[Message]) -> None:
    """Go back to the first message of each partition that was fetched and not handled."""
    first: dict[tuple[str, int], int] = {}
    for message in messages:
        first.setdefault(_partition_of(message), message.offset() or 0)
    for (topic, partition), offset in first.items():
        client.seek(TopicPartition(topic, partition, offset))


def consume(consumers: list[Consumer], *, now: Clock, stopping: threading.Event) -> bool:
    """Run the groups, a thread each, until `stopping` is set; return whether all ended well.

    A group whose consumer is broken stops alone; the others go on. Returns early once none is
    left.
    """
    runners = [GroupRunner(consumer, now=now) for consumer in consumers]
    failed: list[str] = []

    def run(runner: GroupRunner, group: str) -> None:
        try:
            runner.run()
        except Exception:
            log.critical("consumer stopped", extra={"group": group}, exc_info=True)
            failed.append(group)

    threads = [
        threading.Thread(target=run, args=(runner, consumer.group), name=f"group-{consumer.group}")
        for runner, consumer in zip(runners, consumers, strict=True)
    ]
    for thread in threads:
        thread.start()
    while not stopping.wait(0.2) and any(thread.is_alive() for thread in threads):
        pass
    for runner in runners:
        runner.stop()
    for thread in threads:
        thread.join()
    return not failed
