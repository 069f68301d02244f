"""Relay, consumers, commands and readiness at a Kafka that wants TLS, a name and a password."""

from collections.abc import Iterator

import pytest

from events import health, kafka, relay
from events.consumers import Consumer
from events.models import InboxEntry, OutboxEvent
from kernel import clock
from kernel.ids import uuid7
from stack.data_dir import default_data
from stack.kafka import jars
from stack.process import Child, Tools, wait_until
from tests.support.consuming import Handler, running
from tests.support.outbox import TOPIC, new_event, write
from tests.support.secure_kafka import PASSWORD, USER, SecureKafka, self_signed
from tests.support.waiting import await_that

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[SecureKafka]:
    folder = tmp_path_factory.mktemp("secure-kafka")
    tools = Tools()
    made = SecureKafka(folder / "kafka", jars(default_data() / "downloads", tools), tools)
    made.prepare(0)
    command = made.command()
    assert command is not None
    child = Child.spawn(command, folder / "kafka.log")
    try:
        assert wait_until(made.ready, 60), (folder / "kafka.log").read_text()[-2000:]
        yield made
    finally:
        child.kill()
        tools.close()


@pytest.fixture
def secure(server, settings) -> SecureKafka:
    settings.KAFKA_BOOTSTRAP_SERVERS = server.address
    settings.KAFKA_SECURITY_PROTOCOL = "SASL_SSL"
    settings.KAFKA_SASL_MECHANISM = "SCRAM-SHA-512"
    settings.KAFKA_SASL_USERNAME = USER
    settings.KAFKA_SASL_PASSWORD = PASSWORD
    settings.KAFKA_CA_FILE = str(server.folder / "ca.pem")
    return server


@pytest.fixture
def publisher() -> Iterator[kafka.Publisher]:
    made = kafka.Publisher()
    yield made
    made.close()


def readiness():
    health._admin.cache_clear()
    return health.kafka_part(now=clock.now())


def test_events_are_published_and_consumed_there(secure, publisher):
    await_that(lambda: readiness().state == "ok", "Kafka takes our name", seconds=30)
    ids = set(write(new_event(), new_event()))
    relay.RelayLoop(publisher).run(seconds=2)
    assert not OutboxEvent.objects.unpublished().exists()
    group, handler = f"test-{uuid7()}", Handler()
    with running(Consumer(group=group, topics=(TOPIC,), handle=handler)):
        await_that(lambda: ids <= {event.id for event in handler.handled}, "applied", seconds=30)
    assert InboxEntry.objects.filter(group=group, event_id__in=ids).count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"KAFKA_SASL_PASSWORD": "another-harbour-98"},
        {"KAFKA_SASL_USERNAME": "somebody"},
        {"KAFKA_SECURITY_PROTOCOL": "SSL"},
        {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "KAFKA_CA_FILE": ""},
        {"KAFKA_CA_FILE": ""},  # a broker that only vouches for itself
    ],
)
def test_who_shows_the_wrong_thing_publishes_nothing(secure, publisher, settings, wrong):
    for name, value in wrong.items():
        setattr(settings, name, value)
    write(new_event())
    assert relay.RelayLoop(publisher).run(seconds=1) == 0
    assert OutboxEvent.objects.unpublished().count() == 1
    assert readiness().state == "down"


def test_a_broker_with_a_certificate_of_another_is_not_believed(secure, settings, tmp_path):
    _, other = self_signed("localhost")
    (tmp_path / "other.pem").write_text(other)
    settings.KAFKA_CA_FILE = str(tmp_path / "other.pem")
    with pytest.raises(kafka.KafkaUnavailable):
        kafka.ensure_topics()
