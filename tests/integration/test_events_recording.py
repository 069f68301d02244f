"""What is recorded in the outbox: with its change, in order, where it has a partition."""

import json
from datetime import timedelta
from io import StringIO
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import OutboxEvent
from events.operations import NewEvent, record
from kernel import clock
from kernel.db.transaction import TransactionRequired, transaction
from kernel.ids import uuid7
from tests.support.outbox import TOPIC, new_event, write


def test_recording_needs_the_transaction_of_the_change():
    with pytest.raises(TransactionRequired):
        record(events=[new_event()], now=clock.now())


def test_an_event_of_a_change_that_rolls_back_never_existed():
    class Undone(Exception):
        pass

    with pytest.raises(Undone), transaction():
        record(events=[new_event()], now=clock.now())
        raise Undone
    assert not OutboxEvent.objects.exists()


def test_any_number_of_events_costs_one_statement():
    with transaction(), CaptureQueriesContext(connection) as queries:
        record(events=[new_event(n=n) for n in range(20)], now=clock.now())
    assert len(queries) == 1
    assert OutboxEvent.objects.count() == 20


def test_positions_grow_in_the_order_given():
    ids = write(*[new_event(n=n) for n in range(50)])
    rows = OutboxEvent.objects.order_by("position").values_list("pk", flat=True)
    assert list(rows) == ids


def test_a_topic_nobody_made_is_refused_when_the_event_is_written():
    with pytest.raises(ValueError, match="EVENT_TOPICS"):
        NewEvent("frontrow.nothing.v1", "a.b", "/frontrow/a", uuid7(), {})


@pytest.mark.kafka
def test_partitions_reach_two_years_ahead():
    out = StringIO()
    call_command("partitions", "--check", "--json", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {"events_outboxevent", "events_inboxentry"} <= {line["table"] for line in lines}
    assert all(line["months_ahead"] >= 24 for line in lines)


def test_an_event_old_or_far_ahead_has_no_partition_to_hide_in():
    row = OutboxEvent(
        id=UUID(int=(clock.to_ms(clock.now() + timedelta(days=365 * 4)) << 80) | 7 << 76 | 2 << 62),
        shard=0, topic=TOPIC, type="a.b", source="/a", aggregate_id=uuid7(), subject="s",
        data={}, created_at=clock.now(),
    )  # fmt: skip
    with pytest.raises(Exception, match="no partition"):
        row.save(force_insert=True)
