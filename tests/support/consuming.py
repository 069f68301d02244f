"""Run a consumer group in this process for the length of a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from events import kafka, runtime
from events.consumers import Consumer, configured
from events.topics import dead_letters_of
from kernel import clock
from kernel.ids import uuid7
from tests.support.outbox import TOPIC
from tests.support.waiting import await_that

# Other tests read the same topic, so it looks like an event and lacks `specversion`.
NO_EVENT = b'{"id":"none","type":"none","data":{}}'


class Running:
    """A group at work in a thread; `error` is what ended it, if something did."""

    def __init__(self, consumer: Consumer, publisher: kafka.Publisher | None = None) -> None:
        self.runner = runtime.GroupRunner(
            consumer, now=clock.now, publisher=publisher or kafka.Publisher()
        )
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
def running(consumer: Consumer, *, publisher: kafka.Publisher | None = None) -> Iterator[Running]:
    """Run the group while the block runs; `publisher` sends its dead letters."""
    kafka.ensure_topics()
    group = Running(consumer, publisher)
    group.thread.start()
    try:
        yield group
    finally:
        group.stop()


def start_from_now(servers: str, group: str, *topics: str) -> None:
    """Commit the topics' ends for a group, so that it doesn't read what earlier tests wrote.

    None given: of all that the product's group reads. Kafka takes such a commit once it has missed
    the members that were killed.
    """
    kafka.ensure_topics()
    if not topics:
        [consumer] = configured([group])
        topics = tuple(consumer.topics)
    client = Client({"bootstrap.servers": servers, "group.id": group})
    try:
        for topic in topics:
            ends = await_that(partial(_ends, client, topic), f"{topic} has leaders", seconds=30)
            await_that(partial(_committed_by_nobody, client, ends), f"{group} is empty", seconds=60)
    finally:
        client.close()


def _committed_by_nobody(client: Client, offsets: list[TopicPartition]) -> bool:
    """Commit for a group without members; return whether it has none."""
    try:
        client.commit(offsets=offsets, asynchronous=False)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.UNKNOWN_MEMBER_ID:
            raise
        return False
    return True


def own_topic(settings: Any, *, partitions: int = 1) -> str:
    """Make a topic of this test alone, with its dead letters; return its name.

    A broker that was just restarted gets its time.
    """
    name = f"test-{uuid7()}"
    settings.EVENT_TOPICS = [name, TOPIC]
    settings.KAFKA_TOPIC_PARTITIONS = partitions

    def is_made() -> bool:
        with suppress(kafka.KafkaUnavailable):
            kafka.ensure_topics()
            return True
        return False

    await_that(is_made, f"{name} is made", seconds=60)
    return name


def make_topic(servers: str, name: str, **config: str) -> None:
    """Make a topic of one partition; a busy broker gets its time."""
    admin = AdminClient({"bootstrap.servers": servers})
    made = admin.create_topics([NewTopic(name, 1, 1, config=config)], request_timeout=60)
    made[name].result()


def new_group(servers: str, topic: str = TOPIC) -> str:
    """Return a group nobody used before; it starts with what is written from now on."""
    group = f"test-{uuid7()}"
    start_from_now(servers, group, topic)
    return group


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


def consumer(group: str, handler: Handler, **more: Any) -> Consumer:
    """Return a consumer of the topic that tests write to."""
    return Consumer(group=group, topics=(TOPIC,), handle=handler, **more)


def letters(servers: str, topic: str, group: str) -> list[Message]:
    """Return the dead letters of `group` among those of `topic`, in order."""
    name = dead_letters_of(topic)
    client = Client(
        {"bootstrap.servers": servers, "group.id": f"look-{uuid7()}", "fetch.wait.max.ms": 50}
    )
    try:
        found = []
        for partition in client.list_topics(name, timeout=5).topics[name].partitions:
            low, high = client.get_watermark_offsets(TopicPartition(name, partition), timeout=5)
            client.assign([TopicPartition(name, partition, low)])
            for _ in range(high - low):
                message = client.poll(10)
                if dict(message.headers() or []).get("group") == group.encode():
                    found.append(message)
        return found
    finally:
        client.close()


def committed(servers: str, topic: str, group: str) -> dict[int, int]:
    """Return the offsets that `group` has committed, by partition.

    A broker that has just begun to coordinate the group gets its time.
    """
    client = Client({"bootstrap.servers": servers, "group.id": group})
    found: list[TopicPartition] = []

    def is_said() -> bool:
        with suppress(KafkaException):
            found[:] = client.committed(places, timeout=5)
            return True
        return False

    try:
        partitions = client.list_topics(topic, timeout=5).topics[topic].partitions
        places = [TopicPartition(topic, partition) for partition in partitions]
        await_that(is_said, f"the offsets of {group}", seconds=60)
        return {p.partition: p.offset for p in found if p.offset > 0}
    finally:
        client.close()
