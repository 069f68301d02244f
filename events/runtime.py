"""The consumer runtime: fetch, let the messages be handled, commit how far the group came.

What becomes of a message says handling.py. This loop keeps the group's partitions, whatever
happens: while a dependency is unavailable it waits, while a freeze is in force it stands still
(Note [Frozen consumers] in consumers.py).
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaException, Message, TopicPartition
from django.db import connections
from prometheus_client import Gauge

from events import kafka, queries
from events.consumers import Clock, Consumer, ConsumersFrozen, unless_frozen
from events.handling import Handling, Outage, TooManyDeadLetters
from events.offsets import Partition, partition_of
from events.parking import MOST_PARKED
from kernel.db.failures import DATABASE_ERRORS

__all__ = ["GroupRunner", "TooManyDeadLetters", "consume"]

log = logging.getLogger(__name__)

BATCH = 500
FETCH_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
LAG_EVERY_SECONDS = 5.0
FREEZE_LOOK_SECONDS = 1.0
# A group that has not come round for so long hangs: its process is no longer alive.
LIVENESS_SECONDS = 60.0
LIVENESS_EVERY_SECONDS = 2.0

lag = Gauge("frontrow_consumer_lag", "Messages of its partitions still to read", ["group", "topic"])
running = Gauge("frontrow_consumer_running", "1 while the group's thread runs", ["group"])
frozen = Gauge("frontrow_consumer_frozen", "1 while the group stands still", ["group"])


class GroupRunner:
    """One consumer group in this process; `run` returns after `stop` or raises."""

    def __init__(
        self,
        consumer: Consumer,
        *,
        now: Clock,
        publisher: kafka.Publisher = kafka.publisher,
    ) -> None:
        self.seen_at = time.monotonic()  # when the loop last came round
        self._consumer = consumer
        self._stopping = threading.Event()
        self._handling = Handling(consumer, now=now, publisher=publisher, stopping=self._stopping)
        self._outages = 0
        self._is_frozen = False
        self._paused: set[Partition] = set()
        self._looked_at = self._measured_at = float("-inf")

    def stop(self) -> None:
        """Let the message in hand finish, commit, leave the group."""
        self._stopping.set()

    def run(self) -> None:
        """Consume until stopped; raises `TooManyDeadLetters` and `dead_letters.LetterRefused`."""
        group = self._consumer.group
        client = self._client()
        running.labels(group).set(1)
        try:
            client.subscribe(
                list(self._consumer.topics), on_revoke=self._on_revoke, on_lost=self._on_lost
            )
            while not self._stopping.is_set():
                self.seen_at = time.monotonic()
                self._look_for_freeze()
                self._turn(client)
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

    def _turn(self, client: Client) -> None:
        """Fetch messages and work on them and on the parked ones; commit what is done."""
        has_room = len(self._handling.parked) < MOST_PARKED
        self._let_fetch(client, has_room and not self._is_frozen)
        fetched = client.consume(BATCH, self._patience())
        messages = deque(message for message in fetched if _usable(message))
        if self._is_frozen:
            _rewind(client, messages)
            return
        try:
            self._handling.retry_due()
            self._handling.take(messages)
            self._outages = 0
        except Outage:
            self._wait_for_dependency()
        except ConsumersFrozen:
            self._set_frozen(True)
        finally:
            # Whatever ended the turn: what was handled must not be delivered again.
            self._commit(client)
            connections.close_all()  # an idle group holds no pooled connection
        if not self._stopping.is_set():
            # The client has moved past all of them; it must fetch what is left once more.
            _rewind(client, messages)

    def _patience(self) -> float:
        due = self._handling.parked.next_due()
        if due is None or self._is_frozen:
            return FETCH_SECONDS
        return max(0.0, min(FETCH_SECONDS, due - time.monotonic()))

    def _let_fetch(self, client: Client, wanted: bool) -> None:
        """Fetch, or keep the partitions and fetch nothing."""
        if wanted and self._paused:
            client.resume([TopicPartition(*place) for place in self._paused])
            self._paused.clear()
        if not wanted:
            # Only those that still fetch: each call throws away what was fetched ahead.
            places = {(one.topic, one.partition) for one in client.assignment()} - self._paused
            client.pause([TopicPartition(*place) for place in places])
            self._paused |= places

    def _look_for_freeze(self) -> None:
        if time.monotonic() - self._looked_at < FREEZE_LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        try:
            self._set_frozen(queries.freeze_in_force() is not None)
        except DATABASE_ERRORS:
            pass  # nothing can be applied meanwhile either
        finally:
            connections.close_all()

    def _set_frozen(self, value: bool) -> None:
        if value != self._is_frozen:
            log.warning(
                "consumer frozen" if value else "consumer resumed",
                extra={"group": self._consumer.group},
            )
        self._is_frozen = value
        frozen.labels(self._consumer.group).set(value)

    def _commit(self, client: Client, partitions: Iterable[Partition] | None = None) -> None:
        offsets = self._handling.offsets.committable(partitions)
        if self._is_frozen or not offsets:
            return
        try:
            with unless_frozen():
                client.commit(
                    offsets=[TopicPartition(*place, offset) for place, offset in offsets.items()],
                    asynchronous=False,
                )
        except ConsumersFrozen:
            self._set_frozen(True)
        except (KafkaException, *DATABASE_ERRORS) as error:
            # They will be delivered again, to us or to another, and found in the inbox.
            log.warning("offsets not committed", extra={"error": str(error)})
        else:
            self._handling.offsets.committed(offsets)

    def _on_revoke(self, client: Client, revoked: list[TopicPartition]) -> None:
        """Commit and forget partitions that go to another member; called inside `consume`."""
        self._commit(client, [(one.topic, one.partition) for one in revoked])
        self._on_lost(client, revoked)

    def _on_lost(self, client: Client, lost: list[TopicPartition]) -> None:
        """Forget partitions that another member may have already."""
        places = [(one.topic, one.partition) for one in lost]
        self._handling.drop(places)
        self._paused.difference_update(places)

    def _wait_for_dependency(self) -> None:
        self._outages += 1
        if self._outages == 1:
            log.warning("consumer waits", extra={"group": self._consumer.group})
        self._stopping.wait(min(0.1 * 2**self._outages, LONGEST_PAUSE_SECONDS))

    def _measure_lag(self, client: Client) -> None:
        if time.monotonic() - self._measured_at < LAG_EVERY_SECONDS:
            return
        self._measured_at = time.monotonic()
        behind = dict.fromkeys(self._consumer.topics, 0)
        for partition in client.position(client.assignment()):
            _, high = client.get_watermark_offsets(partition, cached=True)
            if partition.offset >= 0 and high >= 0:
                behind[partition.topic] += max(0, high - partition.offset)
        for topic, messages in behind.items():
            lag.labels(self._consumer.group, topic).set(messages)


def _usable(message: Message) -> bool:
    error = message.error()
    if error is not None:
        kafka.errors_seen.labels(error.name()).inc()
    return error is None


def _rewind(client: Client, messages: Iterable[Message]) -> None:
    """Go back to the first message of each partition that was fetched and not handled."""
    first: dict[Partition, int] = {}
    for message in messages:
        first.setdefault(partition_of(message), message.offset() or 0)
    ours = {(one.topic, one.partition) for one in client.assignment()} if first else set()
    for place in first.keys() & ours:
        client.seek(TopicPartition(*place, first[place]))


class Liveness:
    """When the groups were last seen at work: from the start on, here and in a file, if any."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._touched_at = time.monotonic()

    def touch(self) -> None:
        """Say that they are at work now."""
        self._touched_at = time.monotonic()
        if self._file is not None:
            self._file.touch()

    def is_alive(self) -> bool:
        """Say whether they were, in the last LIVENESS_SECONDS."""
        return time.monotonic() - self._touched_at < LIVENESS_SECONDS


def consume(
    consumers: list[Consumer],
    *,
    now: Clock,
    stopping: threading.Event,
    liveness: Liveness | None = None,
) -> bool:
    """Run the groups, a thread each, until `stopping` is set; return whether all ended well.

    A group whose consumer is broken stops alone; the others go on. Returns early once none is
    left. `liveness` is touched every 2 s as long as no running group hangs.
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
    touched_at = float("-inf")
    while not stopping.wait(0.2) and any(thread.is_alive() for thread in threads):
        at_work = [run for run, thread in zip(runners, threads, strict=True) if thread.is_alive()]
        if liveness and time.monotonic() - touched_at >= LIVENESS_EVERY_SECONDS:
            if all(time.monotonic() - one.seen_at < LIVENESS_SECONDS for one in at_work):
                liveness.touch()
            touched_at = time.monotonic()
    for runner in runners:
        runner.stop()
    for thread in threads:
        thread.join()
    return not failed
