"""No event of a row that no standby has is published: the server that has it may be lost."""

from contextlib import closing

import pytest
from django.db import connection

from events import kafka as kafka_module
from events import relay
from events.models import OutboxEvent
from events.operations import record
from kernel import clock
from kernel.db.dedicated import dedicated_connection
from kernel.db.failures import CommitUnknown
from kernel.db.transaction import transaction
from tests.support.interleaving import InBackground
from tests.support.kafka_reader import KafkaReader
from tests.support.outbox import TOPIC, new_event
from tests.support.standbys import missing_standby

pytestmark = pytest.mark.kafka
RELAY = "waits"


@pytest.fixture
def standby():
    with missing_standby() as missing:
        yield missing


@pytest.fixture
def reader(kafka):
    with closing(KafkaReader(kafka, TOPIC)) as made:
        yield made


def published(reader: KafkaReader) -> list[str]:
    known = {str(id_) for id_ in OutboxEvent.objects.values_list("id", flat=True)}
    return [seen.id for seen in reader.to_the_end() if seen.id in known]


def write_without_a_copy() -> None:
    """Write an event as a commit leaves it whose wait for the standby was cancelled."""
    with transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = local")
        record(events=[new_event()], now=clock.now())


def one_pass() -> int:
    with dedicated_connection(application=RELAY) as made:
        return relay.publish_once(made, kafka_module.Publisher())


def outcome_without_a_copy(standby):
    """Return what a pass comes to while nobody confirms the copy of what it reads."""
    standby.demand()
    write_without_a_copy()
    publishing = InBackground(one_pass)
    standby.cancel(RELAY)
    outcome = publishing.outcome()
    standby.forgive()
    return outcome


def test_what_no_standby_has_is_published_when_one_has_it(standby, reader):
    assert isinstance(outcome_without_a_copy(standby), CommitUnknown)
    assert published(reader) == []
    assert one_pass() == 1
    assert len(published(reader)) == 1


@pytest.mark.control
def test_control_a_relay_that_waits_for_no_copy_publishes_what_may_be_lost(
    standby, reader, monkeypatch
):
    monkeypatch.setattr(relay, "_AWAIT_COPY", "SELECT 1")
    outcome_without_a_copy(standby)
    assert len(published(reader)) == 1
