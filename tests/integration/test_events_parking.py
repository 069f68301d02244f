"""A key that fails waits alone: others go on, it keeps its order, and nothing of it is lost."""

import threading
from contextlib import suppress
from dataclasses import replace

import pytest

from events import handling, runtime
from events import kafka as kafka_module
from events.cloudevents import load
from events.consumers import Consumer
from events.handling import TooManyDeadLetters
from events.models import InboxEntry
from events.parking import ParkedKeys
from kernel.ids import uuid7
from kernel.redis.breaker import DependencyUnavailable
from tests.support.consuming import (
    Handler,
    committed,
    letters,
    new_group,
    own_topic,
    running,
    send,
)
from tests.support.outbox import new_event, relay_all, write
from tests.support.waiting import await_that

pytestmark = pytest.mark.kafka


@pytest.fixture
def topic(kafka, settings) -> str:
    """A topic of one partition, so that all keys share it."""
    return own_topic(settings)


@pytest.fixture
def publish(topic):
    """Return a function that publishes events, of one aggregate or each of its own; their ids."""
    publisher = kafka_module.Publisher()

    def send(count=1, *, aggregate=None):
        events = [new_event(aggregate, n=n) for n in range(count)]
        ids = [i for event in events for i in write(replace(event, topic=topic))]

        def is_sent() -> bool:
            with suppress(kafka_module.KafkaUnavailable):  # a busy machine
                relay_all(publisher)
                return True
            return False

        await_that(is_sent, "published", seconds=60)
        return ids

    yield send
    publisher.close()


def of(group: str, topic: str, handler, **more) -> Consumer:
    return Consumer(group=group, topics=(topic,), handle=handler, **more)


def handled(handler: Handler) -> list:
    return [event.id for event in handler.handled]


def test_others_go_on_while_a_key_waits_and_it_keeps_its_order(kafka, topic, publish):
    group, open_again = new_group(kafka, topic), threading.Event()
    stuck = publish(3, aggregate=uuid7())

    def fails(event):
        if event.id == stuck[0] and not open_again.is_set():
            return DependencyUnavailable("something of this key")
        return None

    handler = Handler(fails)
    before = committed(kafka, topic, group)
    with running(of(group, topic, handler)):
        others = publish(4)
        await_that(lambda: set(others) <= set(handled(handler)), "the others", seconds=30)
        assert not set(stuck) & set(handled(handler))
        assert committed(kafka, topic, group) == before  # the parked one holds the offset
        open_again.set()
        await_that(lambda: set(stuck) <= set(handled(handler)), "all", seconds=30)
        await_that(lambda: committed(kafka, topic, group) == {0: 7}, "committed", seconds=30)
    assert [one for one in handled(handler) if one in set(stuck)] == stuck


@pytest.mark.control
def test_without_the_queue_behind_a_parked_message_a_key_loses_its_order(
    kafka, topic, publish, monkeypatch
):
    monkeypatch.setattr(ParkedKeys, "__contains__", lambda self, key: False)
    group = new_group(kafka, topic)
    first, second = publish(2, aggregate=uuid7())
    handler = Handler(
        lambda event: ValueError() if event.id == first and second not in handled(handler) else None
    )
    with running(of(group, topic, handler)):
        await_that(lambda: len(handled(handler)) == 2, "both", seconds=30)
    assert handled(handler) == [second, first]


def test_a_group_that_parked_all_it_may_fetches_no_more_until_there_is_room(
    kafka, topic, publish, monkeypatch
):
    monkeypatch.setattr(runtime, "MOST_PARKED", 4)
    monkeypatch.setattr(runtime, "BATCH", 2)
    monkeypatch.setattr(handling, "OUTAGE_KEYS", 1000)
    group, open_again = new_group(kafka, topic), threading.Event()
    ids = publish(12)
    handler = Handler(
        lambda event: None if open_again.is_set() else DependencyUnavailable("everything")
    )
    with running(of(group, topic, handler)) as member:
        parked = member.runner._handling.parked
        await_that(lambda: len(parked) >= 4, "it is full", seconds=30)
        await_that(lambda: len(handler.attempts) > 20, "it goes on trying", seconds=30)
        assert len(parked) <= 5
        open_again.set()
        await_that(lambda: set(handled(handler)) == set(ids), "all", seconds=30)


def test_what_nobody_can_parse_is_set_aside_and_the_group_lives_on(kafka, topic, publish):
    group, handler = new_group(kafka, topic), Handler()
    deep = b"[" * 150_000
    send(kafka, topic, deep)
    [later] = publish()
    with running(of(group, topic, handler)) as it:
        await_that(lambda: handled(handler) == [later] or it.error, "the rest went on", seconds=60)
        assert it.error is None
    assert [letter.value() for letter in letters(kafka, topic, group)] == [deep]


def test_while_a_dependency_is_unavailable_the_group_waits(kafka, topic, publish, caplog):
    group, open_again = new_group(kafka, topic), threading.Event()
    ids = publish(20)
    handler = Handler(
        lambda event: None if open_again.is_set() else DependencyUnavailable("everything")
    )
    with running(of(group, topic, handler)) as member:
        await_that(lambda: [r for r in caplog.records if r.message == "consumer waits"], "it waits")
        assert len(member.runner._handling.parked) < len(ids)
        open_again.set()
        await_that(lambda: set(handled(handler)) == set(ids), "all", seconds=60)
    assert letters(kafka, topic, group) == []


def test_a_hundred_bad_messages_of_a_hundred_keys_stop_the_consumer(kafka, topic, publish):
    group = new_group(kafka, topic)
    ids = publish(100)
    handler = Handler(lambda event: ValueError("a bad release"))
    with running(of(group, topic, handler)) as member:
        await_that(lambda: not member.thread.is_alive(), "it stopped", seconds=60)
    assert isinstance(member.error, TooManyDeadLetters)
    dead = [load(one.value()).id for one in letters(kafka, topic, group)]
    assert len(dead) == 10
    assert committed(kafka, topic, group) == {0: 10}
    healthy = Handler()
    with running(of(group, topic, healthy)):
        await_that(lambda: len(handled(healthy)) == 90, "nothing else was lost", seconds=60)
    assert {*dead, *handled(healthy)} == {*ids}


@pytest.mark.control
def test_without_the_limit_a_bad_release_drains_the_topic(kafka, topic, publish, settings):
    settings.CONSUMER_DEAD_LETTERS_IN_A_ROW = 1000
    settings.CONSUMER_ATTEMPTS = 1
    group = new_group(kafka, topic)
    publish(30)
    with running(of(group, topic, Handler(lambda event: ValueError("a bad release")))):
        await_that(lambda: committed(kafka, topic, group) == {0: 30}, "drained", seconds=60)
    assert len(letters(kafka, topic, group)) == 30


def test_a_group_goes_on_by_itself_after_kafka_was_down(kafka, topic, publish, parts):
    group, handler = new_group(kafka, topic), Handler()
    before = publish(3)
    with running(of(group, topic, handler)) as member:
        await_that(lambda: set(before) <= set(handled(handler)), "applied", seconds=60)
        server = parts.part("kafka")
        server.stop()
        try:
            seen = member.runner.seen_at
            await_that(lambda: member.runner.seen_at > seen + 2, "it goes round", seconds=60)
            assert member.thread.is_alive()
        finally:
            server.start()
        after = publish(3)
        await_that(lambda: set(after) <= set(handled(handler)), "applied again", seconds=90)
        await_that(lambda: committed(kafka, topic, group) == {0: 6}, "committed", seconds=60)
    assert sorted(handled(handler)) == sorted([*before, *after])


class Many:
    """A handler of batches; `bad` fails whatever batch it is in."""

    def __init__(self, bad=()) -> None:
        self.batches: list[list] = []
        self.bad = set(bad)

    def __call__(self, events, *, now) -> None:
        self.batches.append([event.id for event in events])
        if self.bad & {event.id for event in events}:
            raise ValueError("one of them")


def test_events_that_come_together_are_applied_together_and_once(kafka, topic, publish):
    group, many, alone = new_group(kafka, topic), Many(), Handler()
    ids = publish(5, aggregate=uuid7())
    with running(of(group, topic, alone, handle_many=many)):
        await_that(lambda: committed(kafka, topic, group) == {0: 5}, "committed", seconds=30)
    assert [one for batch in many.batches for one in batch] == ids
    assert alone.attempts == []
    assert InboxEntry.objects.filter(group=group).count() == 5


def test_a_batch_that_fails_is_applied_one_by_one_but_for_the_bad_one(kafka, topic, publish):
    group = new_group(kafka, topic)
    ids = publish(5, aggregate=uuid7())
    many = Many(bad=ids[2:3])
    alone = Handler(lambda event: ValueError("bad") if event.id == ids[2] else None)
    with running(of(group, topic, alone, handle_many=many)):
        await_that(lambda: committed(kafka, topic, group) == {0: 5}, "committed", seconds=30)
    once = handled(alone) + [i for batch in many.batches if not many.bad & {*batch} for i in batch]
    assert once == [*ids[:2], *ids[3:]]
    assert [load(one.value()).id for one in letters(kafka, topic, group)] == ids[2:3]


def test_a_member_that_comes_while_events_are_applied_repeats_and_skips_none(kafka, settings):
    topic = own_topic(settings, partitions=6)  # so that the second member gets some
    group, arrived, go_on = new_group(kafka, topic), threading.Event(), threading.Event()

    def slow(event):
        arrived.set()
        assert go_on.wait(30)

    handlers = [Handler(slow), Handler()]
    ids = write(*(replace(new_event(n=n), topic=topic) for n in range(60)))
    relay_all()
    with running(of(group, topic, handlers[0])):
        assert arrived.wait(30)
        with running(of(group, topic, handlers[1])) as second:
            await_that(lambda: second.runner.seen_at, "it joins")
            go_on.set()
            await_that(
                lambda: InboxEntry.objects.filter(group=group).count() == len(ids),
                "all applied",
                seconds=60,
            )
            await_that(
                lambda: sum(committed(kafka, topic, group).values()) == len(ids),
                "all committed",
                seconds=60,
            )
    applied = [event.id for handler in handlers for event in handler.handled]
    assert sorted(applied) == sorted(ids)
