"""What the relay and a replay do while Kafka is unavailable, does not respond, or comes back."""

import json
import threading

import psycopg
import pytest
from confluent_kafka import TopicPartition
from django.core.management import CommandError, call_command

from events import kafka as kafka_module
from events import letters, relay
from events.models import OutboxEvent
from kernel.ids import uuid7
from stack.service import free_ports
from tests.support.kafka_reader import KafkaReader
from tests.support.outbox import TOPIC, new_event, write
from tests.support.waiting import await_that


@pytest.fixture
def reader(kafka):
    reader = KafkaReader(kafka, TOPIC)
    yield reader
    reader.close()


@pytest.fixture
def running_relay(kafka):
    """A relay at work until the test ends, its turns following each other as beat makes them."""
    loop = relay.RelayLoop(kafka_module.Publisher())
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


def test_without_kafka_events_wait_and_the_relay_idles(settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = ""
    write(new_event())
    assert relay.RelayLoop(kafka_module.Publisher()).run(seconds=5) == 0
    assert OutboxEvent.objects.unpublished().count() == 1


def test_a_replay_with_kafka_away_ends_with_one_line(settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    with pytest.raises(CommandError, match=r"^Kafka: "):
        call_command("events", "replay", "--topic", settings.EVENT_TOPICS[0])


def test_kafka_away_costs_one_log_line_and_leaves_the_events(settings, caplog):
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    write(new_event())
    loop = relay.RelayLoop(kafka_module.Publisher())
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
        relay.RelayLoop(kafka_module.Publisher()).run(seconds=1)


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
    monkeypatch.setattr(letters, "client", lambda group: Mute())
    with pytest.raises(kafka_module.KafkaUnavailable):
        letters.message_at(TopicPartition(TOPIC, 0, 3))
    with pytest.raises(kafka_module.KafkaUnavailable):
        list(letters.messages_of(Mute(), [TopicPartition(TOPIC, 0)]))


@pytest.mark.kafka
def test_after_an_unknown_outcome_a_new_producer_begins(kafka, reader, settings, monkeypatch):
    """What the old one still holds must not arrive later, behind what is sent again."""
    monkeypatch.setattr(kafka_module, "FLUSH_SECONDS", 0.2)
    monkeypatch.setattr(kafka_module, "ensure_topics", list)
    [lost, kept] = (
        kafka_module.OutgoingMessage(
            TOPIC, b"key", json.dumps({"id": f"{uuid7()}", "type": "t"}).encode()
        )
        for _ in range(2)
    )
    publisher = kafka_module.Publisher()
    settings.KAFKA_BOOTSTRAP_SERVERS = f"127.0.0.1:{free_ports(1)[0]}"  # nobody is there
    assert publisher.send([lost]) == [kafka_module.Outcome.UNKNOWN]
    settings.KAFKA_BOOTSTRAP_SERVERS = kafka
    monkeypatch.setattr(kafka_module, "FLUSH_SECONDS", 20)
    assert publisher.send([kept]) == [kafka_module.Outcome.DELIVERED]
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
