"""Promises of the outbox and its relay, with a real broker."""

import base64
import json
import os
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import AuditEntry
from events import kafka as kafka_module
from events import queries, relay
from events.ids import SHARDS, shard_of
from events.models import OutboxEvent
from events.operations import record
from kernel import clock
from kernel.db.dedicated import dedicated_connection
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.telemetry.context import Correlation, correlated
from kernel.telemetry.logs import CorrelationFilter
from tests.support.consuming import make_topic
from tests.support.kafka_reader import KafkaReader
from tests.support.outbox import TOPIC, new_event, relay_all, write

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def reader(kafka):
    reader = KafkaReader(kafka, TOPIC)
    yield reader
    reader.close()


def test_a_message_is_the_contracts_cloudevent(reader):
    aggregate = uuid7()
    now = clock.now()
    with correlated(Correlation("request-12345", TRACEPARENT)):
        [event_id] = write(new_event(aggregate, amount=5), now=now)
    assert relay_all() == 1
    records = reader.until(lambda records: any(r.id == str(event_id) for r in records), "the event")
    [message] = [r for r in records if r.id == str(event_id)]
    assert message.key == str(aggregate)
    assert message.content_type == "application/cloudevents+json"
    schema = message.event.pop("dataschema")
    assert schema.endswith("/docs/events/points.spent.json")
    assert message.event == {
        "specversion": "1.0",
        "id": str(event_id),
        "source": "/frontrow/points",
        "type": "points.spent",
        "subject": str(aggregate),
        "time": clock.as_text(now),
        "datacontenttype": "application/json",
        "requestid": "request-12345",
        "traceparent": TRACEPARENT,
        "data": {"amount": 5},
    }


@pytest.mark.kafka
def test_the_log_of_the_relay_names_the_request_of_each_event(reader, caplog):
    caplog.set_level("INFO", "events.relay")
    caplog.handler.addFilter(CorrelationFilter())
    with correlated(Correlation("request-of-one", TRACEPARENT)):
        [first] = write(new_event())
    with correlated(Correlation("request-of-two", TRACEPARENT)):
        [second] = write(new_event())
    relay_all()
    lines = [r for r in caplog.records if r.message == "event published"]
    assert {r.event_id: r.request_id for r in lines} == {
        str(first): "request-of-one",
        str(second): "request-of-two",
    }


@pytest.mark.kafka
def test_each_event_is_published_once_and_in_order_of_its_aggregate(reader):
    aggregates = [uuid7() for _ in range(12)]
    wanted = {
        str(a): [str(i) for n in range(30) for i in write(new_event(a, n=n))] for a in aggregates
    }
    assert relay_all() == 360
    assert relay_all() == 0
    seen = {key: [r.id for r in reader.to_the_end() if r.key == key] for key in wanted}
    assert seen == wanted
    assert not OutboxEvent.objects.unpublished().exists()


@pytest.mark.kafka
def test_events_are_published_while_a_turn_lasts_without_another_tick(reader, kafka):
    loop = relay.RelayLoop(kafka_module.Publisher())
    turn = threading.Thread(target=loop.run, kwargs={"seconds": 60})
    turn.start()
    try:
        for _ in range(5):
            [event_id] = write(new_event())
            reader.until(lambda rs, i=event_id: any(r.id == str(i) for r in rs), "it", seconds=20)
        assert turn.is_alive()  # all of it in one turn
    finally:
        loop.stop()
        turn.join()


@pytest.mark.kafka
def test_an_event_that_commits_after_a_later_one_is_not_skipped(reader):
    held, inserted = threading.Event(), threading.Event()
    ids = []

    def slow():
        with transaction():
            ids.extend(record(events=[new_event()], now=clock.now()))
            inserted.set()
            held.wait(20)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert inserted.wait(20)
    [later] = write(new_event())
    assert relay_all() == 1
    held.set()
    thread.join()
    assert relay_all() == 1
    positions = dict(OutboxEvent.objects.values_list("pk", "position"))
    assert positions[ids[0]] < positions[later]
    found = {r.id for r in reader.to_the_end()}
    assert {str(ids[0]), str(later)} <= found


@pytest.mark.kafka
def test_an_event_too_large_steps_aside_and_its_shard_goes_on(kafka, reader):
    aggregate = uuid7()
    [before] = write(new_event(aggregate))
    [poison] = write(new_event(aggregate, blob="x" * 1_100_000))
    [after] = write(new_event(aggregate))
    assert relay_all() == 2
    row = OutboxEvent.objects.get(pk=poison)
    assert row.dead_at is not None
    assert row.published_at is None
    ids = [r.id for r in reader.to_the_end() if r.key == str(aggregate)]
    assert ids == [str(before), str(after)]

    out = StringIO()
    call_command("events", "status", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"backlog": 0, "age_seconds": 0.0, "dead": 1}
    OutboxEvent.objects.filter(pk=poison).update(data={})
    out = StringIO()
    call_command("events", "replay", "--outbox", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"replayed": 1}
    entry = AuditEntry.objects.get(action="events.revive")
    assert entry.changes == {"event_ids": [str(poison)]}
    assert relay_all() == 1
    assert str(poison) in {r.id for r in reader.to_the_end()}


def test_what_was_published_is_no_work(db_ready):
    write(new_event(), new_event())
    OutboxEvent.objects.update(published_at=clock.now())
    with dedicated_connection(application="test-relay") as session:
        assert session.execute(relay._BACKLOG, [list(range(SHARDS))]).fetchall() == []


def test_an_event_of_a_clock_ahead_has_no_age(db_ready):
    write(new_event(), now=clock.now() + timedelta(minutes=1))
    state = queries.outbox_state(now=clock.now())
    assert (state.backlog, state.age_seconds) == (1, 0.0)


def test_the_age_is_that_of_the_oldest_first_event_of_any_shard(db_ready):
    """A host whose clock is behind writes later, and has the older event."""
    now = clock.now()
    one = uuid7()
    other = next(made for made in iter(uuid7, None) if shard_of(made) != shard_of(one))
    write(new_event(one), now=now - timedelta(minutes=1))
    write(new_event(other), now=now - timedelta(minutes=2))
    assert queries.outbox_state(now=now).age_seconds == 120


def relayed_in_batches_some_of_which_are_refused(servers: str, settings) -> tuple[list, list]:
    """Relay events of one key that fill several batches; return ids as written and as found.

    The broker refuses the full batches, which are larger than the topic allows, and not the last
    one; each event alone is small enough.
    """
    topic = f"test-small-{uuid7()}"
    settings.EVENT_TOPICS = [topic, TOPIC]
    make_topic(servers, topic, **{"max.message.bytes": "300000"})
    aggregate = uuid7()
    blobs = (base64.b64encode(os.urandom(15_000)).decode() for _ in range(60))
    events = [replace(new_event(aggregate, blob=blob), topic=topic) for blob in blobs]
    ids = [str(i) for i in write(*events)]
    publisher = kafka_module.Publisher()
    with dedicated_connection(application="test-relay") as connection:
        while OutboxEvent.objects.unpublished().exists():
            with suppress(kafka_module.KafkaUnavailable):
                relay.publish_once(connection, publisher)
    publisher.close()
    reader = KafkaReader(servers, topic)
    try:
        return ids, list(dict.fromkeys(r.id for r in reader.to_the_end()))
    finally:
        reader.close()


@pytest.mark.kafka
def test_a_batch_the_broker_refuses_is_sent_one_by_one_in_order_of_its_key(kafka, settings):
    ids, found = relayed_in_batches_some_of_which_are_refused(kafka, settings)
    assert found == ids


@pytest.mark.kafka
@pytest.mark.control
def test_control_sent_in_one_go_the_next_batch_overtakes_the_refused_one(
    kafka, settings, monkeypatch
):
    monkeypatch.setattr(relay, "_batches_of_distinct_keys", lambda rows: [list(rows)])
    ids, found = relayed_in_batches_some_of_which_are_refused(kafka, settings)
    assert sorted(found) == sorted(ids)
    assert found != ids
