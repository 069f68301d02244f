"""Run a consumer group in this process for the length of a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaException, Producer, TopicPartition

from events import kafka, runtime
from events.consumers import Consumer
from kernel import clock
from tests.support.waiting import await_that


class Running:
    """A group at work in a thread; `error` is what ended it, if something did."""

    def __init__(self, consumer: Consumer) -> None:
        self.runner = runtime.GroupRunner(consumer, now=clock.now, publisher=kafka.Publisher())
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.runner.run()
        except Exception as error:  # noqa: BLE001  (the test looks at it)
            self.error = error

    def stop(self) -> None:
        self.runner.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()


@contextmanager
def running(consumer: Consumer) -> Iterator[Running]:
    """Run the group while the block runs."""
    kafka.ensure_topics()
    group = Running(consumer)
    group.thread.start()
    try:
        yield group
    finally:
        group.stop()


def start_from_now(servers: str, group: str, topic: str) -> None:
    """Commit the topic's end for a group, so that it doesn't read what earlier tests wrote."""
    kafka.ensure_topics()
    client = Client({"bootstrap.servers": servers, "group.id": group})
    try:
        ends = await_that(lambda: _ends(client, topic), f"{topic} has leaders", seconds=30)
        client.commit(offsets=ends, asynchronous=False)
    finally:
        client.close()


def _ends(client: Client, topic: str) -> list[TopicPartition]:
    """Return the partitions with their ends; none while a new topic's leaders aren't known."""
    ends = []
    for partition in client.list_topics(topic, timeout=10).topics[topic].partitions:
        place = TopicPartition(topic, partition)
        try:
            _, place.offset = client.get_watermark_offsets(place, timeout=10)
        except KafkaException:
            return []
        ends.append(place)
    return ends


def send(servers: str, topic: str, value: bytes, key: bytes = b"key") -> None:
    """Put bytes into a topic past the outbox."""
    producer = Producer({"bootstrap.servers": servers})
    producer.produce(topic, key=key, value=value)
    assert producer.flush(10) == 0


class Handler:
    """Remember what was handled; `fails` decides what an event does instead."""

    def __init__(self, fails: Callable[[object], Exception | None] = lambda event: None) -> None:
        self.handled: list = []
        self.attempts: list = []
        self.fails = fails

    def __call__(self, event, *, now) -> None:
        self.attempts.append(event)
        error = self.fails(event)
        if error is not None:
            raise error
        self.handled.append(event)
