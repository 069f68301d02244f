"""Promises of dead letters: each is confirmed, none stops its partition, each group has its own."""

import json
import threading
from contextlib import suppress

import pytest
from confluent_kafka import Producer

from events import dead_letters, replay
from events import kafka as kafka_module
from events.cloudevents import Event, dump
from events.consumers import Consumer
from events.letters import Selection
from events.runtime import TooManyDeadLetters
from events.topics import dead_letters_of
from kernel import clock
from kernel.ids import uuid7
from tests.support.consuming import (
    NO_EVENT,
    Handler,
    committed,
    consumer,
    letters,
    make_topic,
    new_group,
    running,
    send,
)
from tests.support.kafka_reader import KafkaReader
from tests.support.outbox import TOPIC, new_event, relay_all, write
from tests.support.waiting import await_that

pytestmark = pytest.mark.kafka

LARGEST = NO_EVENT + b" " * (999_900 - len(NO_EVENT))  # fits its topic and not as a letter


@pytest.fixture
def group(kafka):
    return new_group(kafka)


@pytest.fixture(autouse=True)
def _no_letters_of_others(kafka):
    kafka_module.ensure_topics()

    def dropped_all():
        with suppress(kafka_module.KafkaUnavailable):  # a new topic's leader
            list(replay.drop(Selection(topic=TOPIC)))
            return True

    await_that(dropped_all, "letters of other tests are dropped", seconds=60)


def put_letter(servers: str, group: str, *, value: bytes = NO_EVENT) -> None:
    """Put a letter of `group` into the dead-letter topic."""
    producer = Producer({"bootstrap.servers": servers})
    headers = [("group", group.encode())]
    producer.produce(dead_letters_of(TOPIC), key=b"k", value=value, headers=headers)
    assert producer.flush(10) == 0


def replayed(group: str | None = None, topic: str = TOPIC) -> int:
    publisher = kafka_module.Publisher()
    try:
        settled = list(replay.replay(Selection(topic=topic, group=group), publisher=publisher))
        assert {settlement for _, settlement in settled} <= {replay.LetterSettlement.REPLAYED}
        return len(settled)
    finally:
        publisher.close()


def test_a_message_too_large_for_a_letter_is_cut_and_what_comes_behind_is_applied(kafka, group):
    following, handler = uuid7(), Handler()
    with running(consumer(group, handler)):
        send(kafka, TOPIC, LARGEST)
        event = Event(following, "/frontrow/points", "points.spent", "x", clock.now(), {})
        send(kafka, TOPIC, dump(event))
        await_that(lambda: [e for e in handler.handled if e.id == following], "it goes on")
    [letter] = letters(kafka, TOPIC, group)
    assert len(letter.value()) < len(LARGEST)
    assert LARGEST.startswith(letter.value())
    assert dict(letter.headers())["cut"] == str(len(LARGEST)).encode()


def test_the_whole_message_of_a_cut_letter_is_replayed(kafka, group):
    with running(consumer(group, Handler())):
        send(kafka, TOPIC, LARGEST)
        await_that(lambda: letters(kafka, TOPIC, group), "dead-lettered")
    again = new_group(kafka)
    assert replayed(group) == 1
    with running(consumer(again, Handler())):
        await_that(lambda: letters(kafka, TOPIC, again), "it came again, as large as it was")
    [letter] = letters(kafka, TOPIC, again)
    assert dict(letter.headers())["cut"] == str(len(LARGEST)).encode()


def test_the_first_message_of_a_partition_is_replayed_too(kafka, settings):
    topic = f"test-{uuid7()}"
    settings.EVENT_TOPICS = [topic, TOPIC]
    group = new_group(kafka, topic)
    with running(Consumer(group=group, topics=(topic,), handle=Handler())):
        send(kafka, topic, LARGEST)
        await_that(lambda: letters(kafka, topic, group), "dead-lettered")
    [letter] = letters(kafka, topic, group)
    assert dead_letters.origin_of_cut(letter).offset == 0
    assert replayed(group, topic) == 1


def test_a_group_stops_where_kafka_takes_no_letter_at_all(kafka, settings):
    topic = f"test-{uuid7()}"
    settings.EVENT_TOPICS = [topic]
    make_topic(kafka, dead_letters_of(topic), **{"max.message.bytes": "100"})
    group = new_group(kafka, topic)
    before = committed(kafka, topic, group)
    with running(Consumer(group=group, topics=(topic,), handle=Handler())) as member:
        send(kafka, topic, NO_EVENT)
        await_that(lambda: not member.thread.is_alive(), "it stopped", seconds=30)
    assert isinstance(member.error, dead_letters.LetterRefused)
    assert committed(kafka, topic, group) == before  # the message is still there


class Withholding(kafka_module.Publisher):
    """A publisher whose broker confirms nothing until it is allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed = threading.Event()
        self.asked = 0

    def send(self, messages):
        self.asked += 1
        if self.allowed.is_set():
            return super().send(messages)
        return [kafka_module.Outcome.UNKNOWN] * len(messages)


def test_an_offset_is_committed_only_behind_a_letter_that_is_confirmed(kafka, group, settings):
    settings.CONSUMER_DEAD_LETTERS_IN_A_ROW = 1  # waiting for Kafka is no sign of a broken consumer
    publisher = Withholding()
    before = committed(kafka, TOPIC, group)
    with running(consumer(group, Handler()), publisher=publisher) as member:
        send(kafka, TOPIC, NO_EVENT)
        await_that(lambda: publisher.asked >= 3, "it is tried again", seconds=30)
        assert committed(kafka, TOPIC, group) == before
        publisher.allowed.set()
        await_that(lambda: committed(kafka, TOPIC, group) != before, "committed")
        assert member.error is None
    assert [letter.value() for letter in letters(kafka, TOPIC, group)] == [NO_EVENT]


def test_after_a_passing_failure_it_goes_on_with_the_first_message_not_handled(kafka, group):
    aggregate = uuid7()
    ids = [i for n in range(6) for i in write(new_event(aggregate, n=n))]
    relay_all()
    failed = []

    def fails(event):
        if event.id == ids[1] and not failed:
            failed.append(event)
            return kafka_module.KafkaUnavailable("for now")
        return None

    handler = Handler(fails)
    with running(consumer(group, handler)):
        await_that(lambda: ids[-1] in [e.id for e in handler.handled], "the last one")
    assert [e.id for e in handler.handled if e.id in set(ids)] == ids
    assert failed


def test_a_broken_consumer_says_how_many_messages_failed(kafka, group, settings):
    settings.CONSUMER_DEAD_LETTERS_IN_A_ROW = 2
    with running(consumer(group, Handler())) as member:
        for _ in range(3):
            send(kafka, TOPIC, NO_EVENT)
        await_that(lambda: not member.thread.is_alive(), "it stopped", seconds=30)
    assert isinstance(member.error, TooManyDeadLetters)
    assert "3 messages" in str(member.error)
    assert len(letters(kafka, TOPIC, group)) == 2


@pytest.mark.parametrize("order", [["ours", "theirs"], ["theirs", "ours"], ["ours", None]])
def test_replaying_one_group_skips_nothing_of_the_others(kafka, order):
    names = {name: f"{name}-{uuid7()}" for name in ("ours", "theirs")}
    put_letter(kafka, names["ours"])
    put_letter(kafka, names["theirs"])
    put_letter(kafka, names["ours"])
    expected = {"ours": 2, "theirs": 1, None: 1}
    for name in order:
        assert replayed(names.get(name)) == expected[name]
    for name in (*order, None):
        assert replayed(names.get(name)) == 0


def test_a_replay_that_ends_half_way_goes_on_where_it_ended(kafka, monkeypatch):
    group = f"half-{uuid7()}"
    values = [json.dumps({"id": f"{uuid7()}", "type": "t", "data": {}}).encode() for _ in range(3)]
    for value in values:
        put_letter(kafka, group, value=value)
    sent = []

    class Away(kafka_module.Publisher):
        def send(self, messages):
            sent.extend(messages)
            if len(sent) == 2:
                return [kafka_module.Outcome.UNKNOWN]
            return super().send(messages)

    with pytest.raises(kafka_module.KafkaUnavailable):
        list(replay.replay(Selection(topic=TOPIC, group=group), publisher=Away()))
    assert replayed(group) == 2
    reader = KafkaReader(kafka, TOPIC)
    try:
        ids = [json.loads(value)["id"] for value in values]
        assert [r.id for r in reader.to_the_end() if r.id in ids] == ids
    finally:
        reader.close()
