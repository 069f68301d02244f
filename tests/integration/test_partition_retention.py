"""Promises of the months that are dropped: only what has served its time, and nobody waits."""

import importlib
import json
import threading
from datetime import UTC, datetime, timedelta
from io import StringIO

import psycopg
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource
from django.conf import settings as in_force
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection

import config.settings.retention as declared
from events import kafka as kafka_module
from events.ids import inbox_key
from events.models import InboxEntry, OutboxEvent
from kernel import tasks
from kernel.db import retention
from kernel.db.dedicated import dedicated_connection
from kernel.db.partitions import ensure_partitions
from kernel.db.retention import Retention, purge
from kernel.ids import first_uuid7_at, uuid7
from tests.support.waiting import await_that

OUTBOX, INBOX = "events_outboxevent", "events_inboxentry"
RETENTION = in_force.PARTITION_RETENTION
MONTH = datetime(2019, 3, 1, tzinfo=UTC)  # what the tests make old; its partition ends in _p201903
WRITTEN = MONTH + timedelta(days=30)
DUE = datetime(2019, 7, 1, tzinfo=UTC)  # three months after the month's last moment


@pytest.fixture(autouse=True)
def _old_months(db_ready):
    """Make the partitions of February and March 2019; drop what is left of that year."""
    ensure_partitions(OUTBOX, now=MONTH, months_ahead=0)
    ensure_partitions(INBOX, now=MONTH, months_ahead=0)
    yield
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname ~ '_p2019[0-9]{2}$'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE {name}")


def tables_of(year: int = 2019) -> set[str]:
    """Return the tables of that year's months, attached or not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ %s",
            [f"_p{year}[0-9]{{2}}$"],
        )
        return {name for (name,) in cursor.fetchall()}


def old_event(**state: datetime | None) -> OutboxEvent:
    fields = {"published_at": WRITTEN, **state}
    return OutboxEvent.objects.create(
        id=first_uuid7_at(WRITTEN), shard=0, topic="t", type="a.b", source="/a",
        aggregate_id=first_uuid7_at(WRITTEN), subject="s", data={}, created_at=WRITTEN, **fields,
    )  # fmt: skip


def test_a_month_goes_once_it_lies_wholly_past_the_retention():
    old_event()
    before = DUE - timedelta(seconds=1)
    assert purge(OUTBOX, RETENTION[OUTBOX], now=before).dropped == [f"{OUTBOX}_p201902"]
    assert OutboxEvent.objects.count() == 1
    assert purge(OUTBOX, RETENTION[OUTBOX], now=DUE).dropped == [f"{OUTBOX}_p201903"]
    assert OutboxEvent.objects.count() == 0
    assert f"{OUTBOX}_p201903" not in tables_of()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"published_at": None}, "published_at IS NULL AND dead_at IS NULL"),
        ({"published_at": None, "dead_at": WRITTEN}, "dead_at IS NOT NULL"),
        ({"published_at": DUE - timedelta(days=80)}, "published_at >= "),
    ],
    ids=["unpublished", "dead", "published late"],
)
def test_a_month_stays_while_one_of_its_events_is_still_needed(state, reason):
    event = old_event(**state)
    result = purge(OUTBOX, RETENTION[OUTBOX], now=DUE)
    assert list(result.kept) == [f"{OUTBOX}_p201903"]
    assert reason in result.kept[f"{OUTBOX}_p201903"]
    assert OutboxEvent.objects.filter(pk=event.pk).exists()


@pytest.mark.control
def test_control_without_the_condition_what_kafka_never_got_is_lost():
    old_event(published_at=None)
    purge(OUTBOX, Retention(months=3), now=DUE)
    assert OutboxEvent.objects.count() == 0


def test_the_inbox_keeps_a_month_for_as_long_as_the_outbox_does():
    event = old_event(published_at=None)
    InboxEntry.objects.create(
        id=inbox_key(event.pk, "g"), group="g", event_id=event.pk, type="a.b", applied_at=WRITTEN
    )
    purge(OUTBOX, RETENTION[OUTBOX], now=DUE)
    result = purge(INBOX, RETENTION[INBOX], now=DUE)
    assert result.dropped == [f"{INBOX}_p201902"]
    assert result.kept == {f"{INBOX}_p201903": f"{OUTBOX} still has this month"}
    OutboxEvent.objects.update(published_at=WRITTEN)
    tasks.purge_partitions()
    assert tables_of() == set()
    assert InboxEntry.objects.count() == 0


def test_this_year_stays():
    year = datetime.now(UTC).year
    standing = tables_of(year)
    tasks.purge_partitions()
    assert tables_of(year) == standing
    assert standing


def test_reservations_and_the_audit_are_kept_for_ever():
    assert "reservations_reservation" not in RETENTION
    assert RETENTION["accounts_auditentry"].months == 0
    ensure_partitions("accounts_auditentry", now=MONTH, months_ahead=0)
    tasks.purge_partitions()
    assert tables_of() == {"accounts_auditentry_p201902", "accounts_auditentry_p201903"}


def test_nobody_waits_for_a_drop_that_waits(monkeypatch):
    monkeypatch.setattr(retention, "_LOCK_TIMEOUT", "60s")
    with dedicated_connection(application="reader") as reader:
        reader.execute("BEGIN")
        reader.execute(f"SELECT count(*) FROM {OUTBOX}")  # may come back to any partition
        dropping = threading.Thread(
            target=purge, args=(OUTBOX, RETENTION[OUTBOX]), kwargs={"now": DUE}
        )
        dropping.start()
        await_that(lambda: _waits("frontrow-retention"), "the drop waits for the reader")
        _write_at_once()
        with dedicated_connection(application="relay") as relay:
            relay.execute("SET lock_timeout = '1s'")
            relay.execute(f"SELECT count(*) FROM {OUTBOX}")
        assert dropping.is_alive()
        reader.execute("COMMIT")
    dropping.join(30)
    assert {name for name in tables_of() if name.startswith(OUTBOX)} == set()


@pytest.mark.control
def test_control_a_plain_drop_makes_writers_wait():
    with dedicated_connection(application="reader") as reader:
        reader.execute("BEGIN")
        reader.execute(f"SELECT count(*) FROM {OUTBOX}")
        dropping = threading.Thread(target=_drop_plainly)
        dropping.start()
        await_that(lambda: _waits("plain-drop"), "the drop waits for the reader")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            _write_at_once()
        reader.execute("COMMIT")
    dropping.join(30)


def _waits(application: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE application_name = %s AND wait_event_type = 'Lock')",
            [application],
        )
        return cursor.fetchone() == (True,)


def _write_at_once() -> None:
    with dedicated_connection(application="writer") as writer:
        writer.execute("SET lock_timeout = '1s'")
        writer.execute(
            f"INSERT INTO {OUTBOX} (id, shard, topic, type, source, aggregate_id, subject, data,"
            " request_id, traceparent, created_at, failure)"
            " VALUES (%s, 0, 't', 'a.b', '/a', %s, 's', '{}', '', '', now(), '')",
            [uuid7(), uuid7()],
        )


def _drop_plainly() -> None:
    with dedicated_connection(application="plain-drop") as dropping:
        dropping.execute("SET lock_timeout = '30s'")
        dropping.execute(f"DROP TABLE {OUTBOX}_p201903")


def test_what_a_run_could_not_end_the_next_one_does(monkeypatch):
    monkeypatch.setattr(retention, "_LOCK_TIMEOUT", "100ms")
    with dedicated_connection(application="reader") as reader:
        reader.execute("BEGIN")
        reader.execute(f"SELECT count(*) FROM {OUTBOX}")
        first = purge(OUTBOX, RETENTION[OUTBOX], now=DUE)
        again = purge(OUTBOX, RETENTION[OUTBOX], now=DUE)
        reader.execute("COMMIT")
    assert set(first.kept.values()) == set(again.kept.values()) == {"in use"}
    assert purge(OUTBOX, RETENTION[OUTBOX], now=DUE).dropped == [
        f"{OUTBOX}_p201902",
        f"{OUTBOX}_p201903",
    ]


def test_making_a_month_gives_way_to_those_who_use_the_table():
    later = MONTH + timedelta(days=62)
    with dedicated_connection(application="reader") as reader:
        reader.execute("BEGIN")
        reader.execute(f"SELECT count(*) FROM {OUTBOX}")
        assert ensure_partitions(OUTBOX, now=later, months_ahead=0) == []
        _write_at_once()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("3s",)
    made = ensure_partitions(OUTBOX, now=later, months_ahead=0)
    assert made == [f"{OUTBOX}_p201904", f"{OUTBOX}_p201905"]


def test_a_partition_left_detached_by_a_crash_is_dropped():
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {OUTBOX} DETACH PARTITION {OUTBOX}_p201902")
    assert f"{OUTBOX}_p201902" in purge(OUTBOX, RETENTION[OUTBOX], now=DUE).dropped
    assert f"{OUTBOX}_p201902" not in tables_of()


def test_one_run_at_a_time():
    with retention._session() as mine:
        assert mine is not None
        assert purge(OUTBOX, RETENTION[OUTBOX], now=DUE).dropped == []
    assert purge(OUTBOX, RETENTION[OUTBOX], now=DUE).dropped != []


@pytest.mark.parametrize("flag", ["--check", "--dry-run"])
def test_the_command_says_what_it_would_drop_and_drops_it(flag):
    assert said(flag)["would_drop"] == [f"{OUTBOX}_p201902", f"{OUTBOX}_p201903"]
    assert len(tables_of()) == 4
    facts = said()
    assert facts["dropped"] == [f"{OUTBOX}_p201902", f"{OUTBOX}_p201903"]
    assert facts["retention_months"] == 3
    assert tables_of() == set()


def said(*flags: str) -> dict[str, object]:
    out = StringIO()
    call_command("partitions", "--json", *flags, stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    return next(line for line in lines if line["table"] == OUTBOX)


@pytest.mark.parametrize("name", ["INBOX_RETENTION_MONTHS", "OUTBOX_RETENTION_MONTHS"])
def test_a_retention_that_kafka_could_outlive_is_refused_at_boot(monkeypatch, name):
    monkeypatch.setattr("config.settings.events.KAFKA_TOPIC_RETENTION_HOURS", 24 * 29)
    try:
        with pytest.raises(ImproperlyConfigured, match="RETENTION_MONTHS"):
            importlib.reload(declared)
        monkeypatch.setenv("INBOX_RETENTION_MONTHS", "0")
        monkeypatch.setenv("OUTBOX_RETENTION_MONTHS", "0")
        importlib.reload(declared)
        monkeypatch.setenv(name, "3")
        with pytest.raises(ImproperlyConfigured, match=name):
            importlib.reload(declared)
    finally:
        monkeypatch.undo()
        importlib.reload(declared)


def test_topics_keep_messages_as_long_as_the_settings_say(kafka, settings):
    settings.KAFKA_TOPIC_RETENTION_HOURS = 70  # not the broker's own default
    topics = {"retention-test", "retention-test.dlq"}
    admin = AdminClient(kafka_module.client_settings())
    kafka_module._create(admin, topics)
    try:
        kafka_module._await_topics(admin, topics)
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in topics]
        for future in admin.describe_configs(resources).values():
            kept = int(future.result(10)["retention.ms"].value)
            assert kept == 70 * 3_600_000
    finally:
        for future in admin.delete_topics(list(topics)).values():
            future.result(10)
