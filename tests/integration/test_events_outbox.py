"""Promises of the outbox and its relay, with a real broker."""

import base64
import json
import os
import threading
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from io import StringIO

import psycopg
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import AuditEntry
from events import kafka, queries, relay, replay
from events.dead_letters import Origin
from events.ids import SHARDS
from events.models import OutboxEvent
from events.operations import record
from kernel import clock
from kernel.db import dedicated
from kernel.db.dedicated import dedicated_connection
from kernel.db.transaction import transaction
from kernel.ids import first_uuid7_at, uuid7
from kernel.telemetry.context import Correlation, correlated
from kernel.telemetry.logs import CorrelationFilter
from stack.service import free_ports
from tests.support.kafka_reader import KafkaReader
from tests.support.outbox import TOPIC, new_event, relay_all, write
from tests.support.waiting import await_that

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def kafka_server(request):
    """The address of the broker (`kafka` is the module here)."""
    return request.getfixturevalue("kafka")


@pytest.fixture
def reader(kafka_server):
    reader = KafkaReader(kafka_server, TOPIC)
    yield reader
    reader.close()


@pytest.fixture
def running_relay(kafka):
    """A relay at work until the test ends, its turns following each other as beat makes them."""
    loop = relay.RelayLoop(relay.kafka.Publisher())
    ended = threading.Event()

    def turns():
        while not ended.is_set():
            loop.run(seconds=2)

    thread = threading.Thread(target=turns)
    thread.start()
    yield loop
    ended.set()
    loop.stop()
    thread.join()


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
def test_events_are_published_while_a_turn_lasts_without_another_tick(reader, kafka_server):
    loop = relay.RelayLoop(kafka.Publisher())
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
def test_no_transaction_is_open_while_the_relay_waits_for_the_network(kafka):
    states = []

    class Watching(relay.kafka.Publisher):
        def send(self, messages):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT state FROM pg_stat_activity WHERE application_name = 'test-relay'"
                )
                states.extend(state for (state,) in cursor.fetchall())
            return super().send(messages)

    write(new_event())
    assert relay_all(Watching()) == 1
    assert states == ["idle"]


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


def test_without_kafka_events_wait_and_the_relay_idles(settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = ""
    write(new_event())
    assert relay.RelayLoop(kafka.Publisher()).run(seconds=5) == 0
    assert OutboxEvent.objects.unpublished().count() == 1


def test_a_replay_with_kafka_away_ends_with_one_line(settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    with pytest.raises(CommandError, match=r"^Kafka: "):
        call_command("events", "replay", "--topic", settings.EVENT_TOPICS[0])


def test_kafka_away_costs_one_log_line_and_leaves_the_events(settings, caplog):
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    write(new_event())
    loop = relay.RelayLoop(kafka.Publisher())
    for _ in range(2):
        assert loop.run(seconds=1) == 0
    assert [r.message for r in caplog.records if r.name == "events.relay"] == ["relay waits"]
    assert OutboxEvent.objects.unpublished().count() == 1


def test_a_defect_of_the_relay_is_no_outage(settings, monkeypatch):
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"

    def defect(*_):
        raise psycopg.errors.UndefinedColumn("defect")

    monkeypatch.setattr(relay, "publish_once", defect)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        relay.RelayLoop(kafka.Publisher()).run(seconds=1)


class Mute:
    """A client that finds a topic and reads nothing from it."""

    def get_watermark_offsets(self, *_, **__):
        return 0, 10

    def assign(self, places):
        pass

    def poll(self, seconds):
        return None

    def close(self):
        pass


def test_a_topic_that_stays_mute_is_an_outage(monkeypatch):
    monkeypatch.setattr(replay, "_client", lambda group: Mute())
    with pytest.raises(kafka.KafkaUnavailable):
        replay._original(Origin(TOPIC, 0, 3))
    with pytest.raises(kafka.KafkaUnavailable):
        list(replay._letters(Mute(), [TopicPartition(TOPIC, 0)]))


def test_what_was_published_is_no_work(db_ready):
    write(new_event(), new_event())
    OutboxEvent.objects.update(published_at=clock.now())
    with dedicated_connection(application="test-relay") as session:
        assert session.execute(relay._BACKLOG, [list(range(SHARDS))]).fetchall() == []


def test_an_event_of_a_clock_ahead_has_no_age(db_ready):
    write(new_event(), now=clock.now() + timedelta(minutes=1))
    state = queries.outbox_state(now=clock.now())
    assert (state.backlog, state.age_seconds) == (1, 0.0)


@pytest.mark.kafka
def test_after_an_unknown_outcome_a_new_producer_begins(
    kafka_server, reader, settings, monkeypatch
):
    """What the old one still holds must not arrive later, behind what is sent again."""
    monkeypatch.setattr(kafka, "FLUSH_SECONDS", 0.2)
    monkeypatch.setattr(kafka, "ensure_topics", list)
    [lost, kept] = (
        kafka.OutgoingMessage(TOPIC, b"key", json.dumps({"id": f"{uuid7()}", "type": "t"}).encode())
        for _ in range(2)
    )
    publisher = kafka.Publisher()
    settings.KAFKA_BOOTSTRAP_SERVERS = f"127.0.0.1:{free_ports(1)[0]}"  # nobody is there
    assert publisher.send([lost]) == [kafka.Outcome.UNKNOWN]
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka_server
    monkeypatch.setattr(kafka, "FLUSH_SECONDS", 20)
    assert publisher.send([kept]) == [kafka.Outcome.DELIVERED]
    ids = {r.id for r in reader.to_the_end()}
    assert json.loads(kept.value)["id"] in ids
    assert json.loads(lost.value)["id"] not in ids


@pytest.mark.kafka
def test_the_relay_recovers_by_itself_when_kafka_comes_back(parts, reader, running_relay):
    server = parts.part("kafka")
    server.stop()
    try:
        ids = {str(i) for _ in range(20) for i in write(new_event())}
        await_that(lambda: running_relay._failed > 0, "the relay has noticed", seconds=20)
        assert OutboxEvent.objects.unpublished().count() == 20
    finally:
        server.start()
    await_that(lambda: not OutboxEvent.objects.unpublished().exists(), "all sent", seconds=60)
    assert ids <= {r.id for r in reader.to_the_end(seconds=60)}


def test_a_relays_locks_end_with_its_connection():
    write(new_event())
    with (
        dedicated_connection(application="one") as one,
        dedicated_connection(application="two") as two,
    ):
        with relay._owned(one, range(SHARDS)) as mine:
            assert sorted(mine) == list(range(SHARDS))
            with relay._owned(two, range(SHARDS)) as theirs:
                assert theirs == []
            one.close()
        await_that(lambda: _free(two), "the server has noticed")


def _free(connection) -> bool:
    with relay._owned(connection, range(SHARDS)) as shards:
        return len(shards) == SHARDS


def test_the_shards_of_a_relay_that_says_nothing_are_free_again(monkeypatch):
    """A frozen process closes no connection and runs no statement: the server ends its session."""
    monkeypatch.setattr(dedicated, "SILENT_SECONDS", 1)
    with (
        dedicated_connection(application="frozen") as frozen,
        dedicated_connection(application="other") as other,
    ):
        keys = [key for (key,) in frozen.execute(relay._TAKE, [list(relay._SHARD_KEYS)])]
        assert len(keys) == SHARDS
        await_that(lambda: _free(other), "the server has ended the silent session", seconds=20)
        with pytest.raises(psycopg.OperationalError):
            frozen.execute("SELECT 1")


def test_a_silent_owner_is_ended_within_half_a_minute():
    with dedicated_connection(application="test") as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in (
                *("idle_session_timeout", "tcp_keepalives_idle", "tcp_keepalives_interval"),
                *("tcp_keepalives_count", "lock_timeout"),
            )
        }
    assert shown == {
        "idle_session_timeout": "25s",
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "lock_timeout": "3s",  # what every session has stays
    }


@pytest.mark.control
def test_control_without_the_limit_a_silent_owner_keeps_its_shards(monkeypatch):
    monkeypatch.setattr(dedicated, "SILENT_SECONDS", 0)  # PostgreSQL's word for: never
    with (
        dedicated_connection(application="frozen") as frozen,
        dedicated_connection(application="other") as other,
    ):
        frozen.execute(relay._TAKE, [list(relay._SHARD_KEYS)])
        with pytest.raises(AssertionError, match="ended"):
            await_that(lambda: _free(other), "the silent session has ended", seconds=3)


def pages_read(statement: str, parameters: list | dict) -> int:
    """Return how many pages a statement looks at."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, parameters)
        [[plan]] = cursor.fetchone()
    return plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]


MONTH = first_uuid7_at(clock.now())
_MANY = """
    INSERT INTO events_outboxevent (id, shard, topic, type, source, aggregate_id, subject, data,
                                    request_id, traceparent, created_at, failure)
    SELECT overlay(month.id::text PLACING lpad(to_hex(n), 12, '0') FROM 25)::uuid, n %% %s, 't',
           't', 's', gen_random_uuid(), 's', '{}', '', '', now(), ''
      FROM generate_series(%s, %s) AS n, (SELECT %s::uuid AS id) AS month
"""
LOOKS = {
    "what waits": (relay._BACKLOG, [list(range(SHARDS))]),
    "what is sent next": (relay._READ, [list(range(SHARDS)), 10]),
    "state": (queries._STATE, {"bound": 100, "shards": SHARDS}),
}


@pytest.mark.parametrize("look", LOOKS)
def test_looking_at_the_outbox_costs_the_same_however_much_waits(look):
    statement, parameters = LOOKS[look]
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE events_outboxevent")  # its pages too, which deleted rows leave
    costs = []
    for first, rows in ((1, 2_000), (2_001, 20_000)):
        with connection.cursor() as cursor:
            cursor.execute(_MANY, [SHARDS, first, rows, MONTH])
            cursor.execute("VACUUM (ANALYZE) events_outboxevent")
        costs.append(pages_read(statement, parameters))
    few, many = costs
    assert many < few + 100, costs  # 20,000 rows fill some 700 pages


@pytest.mark.control
def test_control_a_look_that_reads_what_waits_costs_more_the_more_waits():
    statement = "SELECT DISTINCT shard FROM events_outboxevent WHERE published_at IS NULL"
    LOOKS["distinct"] = (statement, [])
    try:
        with pytest.raises(AssertionError, match=r"\["):
            test_looking_at_the_outbox_costs_the_same_however_much_waits("distinct")
    finally:
        del LOOKS["distinct"]


def relayed_in_batches_some_of_which_are_refused(servers: str, settings) -> tuple[list, list]:
    """Relay events of one key that fill several batches; return ids as written and as found.

    The broker refuses the full batches, which are larger than the topic allows, and not the last
    one; each event alone is small enough.
    """
    topic = f"test-small-{uuid7()}"
    settings.EVENT_TOPICS = [topic, TOPIC]
    limit = {"max.message.bytes": "300000"}
    admin = AdminClient({"bootstrap.servers": servers})
    for future in admin.create_topics([NewTopic(topic, 1, 1, config=limit)]).values():
        future.result()
    aggregate = uuid7()
    blobs = (base64.b64encode(os.urandom(15_000)).decode() for _ in range(60))
    events = [replace(new_event(aggregate, blob=blob), topic=topic) for blob in blobs]
    ids = [str(i) for i in write(*events)]
    publisher = kafka.Publisher()
    with dedicated_connection(application="test-relay") as connection:
        while OutboxEvent.objects.unpublished().exists():
            with suppress(kafka.KafkaUnavailable):
                relay.publish_once(connection, publisher)
    publisher.close()
    reader = KafkaReader(servers, topic)
    try:
        return ids, list(dict.fromkeys(r.id for r in reader.to_the_end()))
    finally:
        reader.close()


@pytest.mark.kafka
def test_a_batch_the_broker_refuses_is_sent_one_by_one_in_order_of_its_key(kafka_server, settings):
    ids, found = relayed_in_batches_some_of_which_are_refused(kafka_server, settings)
    assert found == ids


@pytest.mark.kafka
@pytest.mark.control
def test_control_sent_in_one_go_the_next_batch_overtakes_the_refused_one(
    kafka_server, settings, monkeypatch
):
    monkeypatch.setattr(relay, "_batches_of_distinct_keys", lambda rows: [list(rows)])
    ids, found = relayed_in_batches_some_of_which_are_refused(kafka_server, settings)
    assert sorted(found) == sorted(ids)
    assert found != ids
