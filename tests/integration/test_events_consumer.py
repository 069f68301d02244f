"""Promises of the consumer runtime, with a real broker."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import OperationalError
from prometheus_client import REGISTRY
from psycopg import errors

from events.cloudevents import Event, dump, load
from events.consumers import Consumer, apply_once, configured
from events.models import InboxEntry, OutboxEvent
from events.runtime import GroupRunner, TooManyDeadLetters, consume
from kernel import clock
from kernel.ids import uuid7
from kernel.redis.breaker import DependencyUnavailable
from kernel.telemetry import context
from kernel.telemetry.logs import CorrelationFilter
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


@pytest.fixture
def group(kafka):
    return new_group(kafka)


def mine(handler: Handler, ids) -> list:
    wanted = set(ids)
    return [event.id for event in handler.handled if event.id in wanted]


def test_every_event_is_applied_once_in_order_of_its_key(kafka, group):
    aggregate = uuid7()
    ids = [i for n in range(40) for i in write(new_event(aggregate, n=n))]
    relay_all()
    handler = Handler()
    with running(consumer(group, handler)):
        await_that(lambda: len(mine(handler, ids)) >= 40, "all applied", seconds=30)
    assert mine(handler, ids) == ids
    assert InboxEntry.objects.filter(group=group, event_id__in=ids).count() == 40


def test_offsets_are_committed_so_a_new_member_starts_after_them(kafka, group):
    ids = write(new_event())
    relay_all()
    first = Handler()
    with running(consumer(group, first)):
        await_that(lambda: mine(first, ids), "applied", seconds=30)
    later = write(new_event())
    relay_all()
    second = Handler()
    with running(consumer(group, second)):
        await_that(lambda: mine(second, later), "applied", seconds=30)
    assert [event.id for event in second.attempts if event.id in set(ids)] == []


def test_a_second_delivery_changes_nothing(db_ready, group):
    handler = Handler()
    [event_id] = write(new_event())
    event = _event_of(event_id)
    assert apply_once(consumer(group, handler), event, now=clock.now()) is True
    assert apply_once(consumer(group, handler), event, now=clock.now()) is False
    assert apply_once(consumer("another", handler), event, now=clock.now()) is True
    assert len(handler.handled) == 2


def test_the_delay_is_that_of_events_applied_not_of_repetitions(kafka, group):
    event = Event(uuid7(), "/frontrow/points", "points.spent", "x", clock.now(), {})
    labels = {"group": group}

    def repeated():
        return REGISTRY.get_sample_value(
            "frontrow_consumer_events_total", labels | {"result": "duplicate"}
        )

    with running(consumer(group, Handler())):
        for _ in range(3):
            send(kafka, TOPIC, dump(event))
        await_that(lambda: repeated() == 2, "both repetitions are counted", seconds=30)
    assert REGISTRY.get_sample_value("frontrow_consumer_delay_seconds_count", labels) == 1


def test_the_lag_is_what_the_group_has_still_to_read(kafka):
    topic = f"test-{uuid7()}"
    make_topic(kafka, topic)
    runner = GroupRunner(
        Consumer(group=f"test-{uuid7()}", topics=(topic,), handle=Handler()), now=clock.now
    )
    for _ in range(3):
        send(kafka, topic, NO_EVENT)
    client = runner._client()
    try:
        client.subscribe([topic])
        await_that(lambda: client.consume(1, 0.5), "the first message", seconds=60)
        runner._measure_lag(client)
    finally:
        client.close()
    labels = {"group": runner._consumer.group}
    assert REGISTRY.get_sample_value("frontrow_consumer_lag", labels | {"topic": topic}) == 2


def test_a_handler_that_fails_leaves_no_inbox_row(db_ready, group):
    [event_id] = write(new_event())
    event = _event_of(event_id)
    with pytest.raises(ZeroDivisionError):
        apply_once(consumer(group, Handler(lambda _: ZeroDivisionError())), event, now=clock.now())
    assert not InboxEntry.objects.exists()


def test_types_nobody_asked_for_touch_no_table(kafka, group):
    ids = write(new_event())
    relay_all()
    handler = Handler()
    end = _end_offsets(kafka)
    with running(consumer(group, handler, types=frozenset({"other.type"}))):
        await_that(lambda: committed(kafka, TOPIC, group) == end, "passed over", seconds=30)
    assert mine(handler, ids) == []
    assert not InboxEntry.objects.exists()


def test_the_request_id_goes_with_the_event_into_the_handler(kafka, group, caplog):
    caplog.set_level("INFO", "events.runtime")
    caplog.handler.addFilter(CorrelationFilter())
    seen = []

    def handle(event, *, now):
        seen.append((event.id, context.current()))

    with context.correlated(context.received("request-in-http", None)):
        wanted = context.current()
        [event_id] = write(new_event())
    relay_all()
    with running(Consumer(group=group, topics=(TOPIC,), handle=handle)):
        await_that(lambda: event_id in dict(seen), "applied", seconds=30)
    assert dict(seen)[event_id] == wanted
    handled = [r for r in caplog.records if r.message == "event handled"]
    [line] = [r for r in handled if r.event_id == str(event_id)]
    assert (line.request_id, line.result) == ("request-in-http", "applied")


def deadlock():
    error = OperationalError("deadlock")
    error.__cause__ = errors.DeadlockDetected()
    return error


@pytest.mark.parametrize(
    "failure",
    [deadlock, partial(DependencyUnavailable, "redis_lock")],
    ids=["deadlock", "unavailable"],
)
def test_a_passing_failure_is_tried_again_until_it_passes(kafka, group, failure, caplog):
    ids = write(new_event(), new_event())
    relay_all()
    failed = []

    def fails(event):
        if event.id == ids[0] and len(failed) < 6:
            failed.append(event)
            return failure()
        return None

    handler = Handler(fails)
    with running(consumer(group, handler)):
        await_that(lambda: len(set(mine(handler, ids))) == 2, "applied", seconds=60)
    assert len(failed) == 6
    # Once for each time that it begins to fail, not for each try.
    assert 1 <= [line.message for line in caplog.records].count("event waits") <= 2
    assert sorted(mine(handler, ids)) == sorted(ids)
    assert letters(kafka, TOPIC, group) == []


def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on_until_replayed(kafka, group):
    aggregate = uuid7()
    before, poison, after = (i for n in range(3) for i in write(new_event(aggregate, n=n)))
    relay_all()
    broken = [True]
    handler = Handler(lambda event: ValueError("bad") if event.id == poison and broken[0] else None)
    with running(consumer(group, handler)):
        await_that(lambda: after in mine(handler, [after]), "the rest went on", seconds=60)
        assert mine(handler, [before, poison, after]) == [before, after]
        assert len([e for e in handler.attempts if e.id == poison]) == 3
        [letter] = letters(kafka, TOPIC, group)
        assert load(letter.value()).id == poison
        headers = dict(letter.headers())
        assert headers["topic"] == TOPIC.encode()
        assert b"ValueError" in headers["error"]
        assert headers["attempts"] == b"3"

        broken[0] = False
        out = StringIO()
        call_command("events", "replay", "--topic", TOPIC, "--group", group, "--json", stdout=out)
        assert json.loads(out.getvalue()) == {"replayed": 1}
        await_that(lambda: poison in mine(handler, [poison]), "replayed", seconds=60)
    out = StringIO()
    call_command("events", "replay", "--topic", TOPIC, "--group", group, "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"replayed": 0}


def test_bytes_that_are_no_event_are_dead_lettered_at_once(kafka, group):
    relay_all()
    handler = Handler()
    with running(consumer(group, handler)):
        send(kafka, TOPIC, NO_EVENT)
        await_that(lambda: letters(kafka, TOPIC, group), "dead-lettered", seconds=30)
    [letter] = letters(kafka, TOPIC, group)
    assert letter.value() == NO_EVENT


def test_a_broken_consumer_stops_before_it_empties_the_topic(kafka, group, settings):
    settings.CONSUMER_ATTEMPTS = 1
    settings.CONSUMER_DEAD_LETTERS_IN_A_ROW = 4
    aggregate = uuid7()
    ids = [i for n in range(12) for i in write(new_event(aggregate, n=n))]
    relay_all()
    wanted = set(ids)
    handler = Handler(lambda event: ValueError("broken") if event.id in wanted else None)
    with running(consumer(group, handler)) as member:
        await_that(lambda: not member.thread.is_alive(), "it stopped", seconds=60)
        assert isinstance(member.error, TooManyDeadLetters)
    buried = [load(letter.value()).id for letter in letters(kafka, TOPIC, group)]
    assert buried == ids[:4]
    healthy = Handler()
    with running(consumer(group, healthy)):
        await_that(lambda: len(mine(healthy, ids)) == 8, "the rest was kept", seconds=60)
    assert mine(healthy, ids) == ids[4:]


def test_groups_are_at_work_until_they_are_to_stop(kafka, group):
    handler, stopping = Handler(), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        work = pool.submit(consume, [consumer(group, handler)], now=clock.now, stopping=stopping)
        try:
            for _ in range(2):  # the second, after all threads have begun
                ids = write(new_event())
                relay_all()
                await_that(partial(mine, handler, ids), "applied", seconds=30)
            assert not work.done()
        finally:
            stopping.set()
        assert work.result(timeout=30) is True


def test_two_members_share_the_work_and_apply_each_event_once(kafka, group):
    handlers = [Handler(), Handler()]
    with running(consumer(group, handlers[0])), running(consumer(group, handlers[1])):
        ids = [i for n in range(60) for i in write(new_event(n=n))]
        relay_all()
        await_that(
            lambda: sum(len(mine(handler, ids)) for handler in handlers) >= 60, "all", seconds=60
        )
    applied = [i for handler in handlers for i in mine(handler, ids)]
    assert sorted(applied) == sorted(ids)


def test_consumers_are_found_by_the_setting_and_by_name():
    assert "statistics" in {consumer.group for consumer in configured()}
    assert [consumer.group for consumer in configured(["statistics"])] == ["statistics"]
    with pytest.raises(LookupError, match="nobody"):
        configured(["nobody"])


def _event_of(event_id):
    row = OutboxEvent.objects.get(pk=event_id)
    return load(dump(Event(row.pk, row.source, row.type, row.subject, row.created_at, row.data)))


def _end_offsets(servers: str) -> dict[int, int]:
    reader = KafkaReader(servers, TOPIC)
    try:
        return {place[1]: end for place, end in reader._ends(10).items()}
    finally:
        reader.close()
