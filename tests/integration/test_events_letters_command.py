"""`manage.py events dead|replay`: what is listed, shown, dropped, replayed, and audited."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from confluent_kafka import Producer
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from events import letters as letters_module
from events import replay_progress
from events.cloudevents import Event, dump
from events.models import OutboxEvent
from events.topics import dead_letters_of
from kernel import clock
from kernel.ids import uuid7
from tests.support.consuming import NO_EVENT, new_group, own_topic, send
from tests.support.kafka_reader import KafkaReader
from tests.support.outbox import new_event, write


@pytest.fixture
def topic(kafka, settings) -> str:
    return own_topic(settings)


def events(*words: str) -> dict:
    out, err = StringIO(), StringIO()
    call_command("events", *words, "--json", stdout=out, stderr=err)
    return json.loads(out.getvalue())


def put_letter(
    kafka: str, topic: str, group: str = "ours", *, type_: str = "points.spent", at=None
) -> str:
    """Put the letter of a new event into the dead-letter topic; return the event's id."""
    event = Event(uuid7(), "/frontrow/points", type_, "x", clock.now(), {})
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(
        dead_letters_of(topic),
        key=b"key",
        value=dump(event),
        headers=[("group", group.encode()), ("error", b"ValueError('bad')"), ("attempts", b"3")],
        timestamp=int((at or clock.now()).timestamp() * 1000),
    )
    assert producer.flush(10) == 0
    return str(event.id)


def listed(topic: str, *words: str) -> list[str]:
    return [one["event_id"] for one in events("dead", "list", "--topic", topic, *words)["letters"]]


def in_topic(kafka: str, topic: str) -> list[str]:
    reader = KafkaReader(kafka, topic)
    try:
        return [record.id for record in reader.to_the_end()]
    finally:
        reader.close()


@pytest.mark.kafka
def test_a_letter_is_listed_and_shown_with_its_error_and_message(kafka, topic):
    event_id = put_letter(kafka, topic)
    [row] = events("dead", "list", "--topic", topic)["letters"]
    assert row["place"] == f"{topic}:0:0"
    assert (row["group"], row["type"], row["attempts"]) == ("ours", "points.spent", "3")
    assert row["error"] == "ValueError('bad')"
    shown = events("dead", "show", row["place"])
    assert json.loads(shown["message"])["id"] == event_id
    assert (shown["key"], shown["is_cut"]) == ("key", False)
    out = StringIO()
    call_command("events", "dead", "list", stdout=out)
    assert event_id in out.getvalue()


@pytest.mark.kafka
def test_bytes_that_are_no_event_are_listed_too(kafka, topic):
    for value in (b"\xff{", b"[]", b"", NO_EVENT, b"[" * 150_000):
        send(kafka, dead_letters_of(topic), value)
    rows = events("dead", "list", "--topic", topic)["letters"]
    assert [row["event_id"] for row in rows] == ["", "", "", "none", ""]
    assert events("dead", "show", f"{topic}:0:0")["message"] == "\\xff{"
    assert len(listed(topic, "--limit", "2")) == 2


@pytest.mark.kafka
def test_filters_choose_what_is_replayed_and_the_rest_waits(kafka, topic):
    old = put_letter(kafka, topic, at=clock.now() - timedelta(hours=5))
    other_type = put_letter(kafka, topic, type_="points.charged")
    theirs, wanted = put_letter(kafka, topic, "theirs"), put_letter(kafka, topic)
    since = (clock.now() - timedelta(hours=1)).isoformat()
    chosen = ("--topic", topic, "--group", "ours", "--type", "points.spent", "--from", since)
    assert events("replay", *chosen, "--dry-run") == {"would_replay": 1}
    assert in_topic(kafka, topic) == []
    assert events("replay", *chosen) == {"replayed": 1}
    assert events("replay", *chosen) == {"replayed": 0}
    assert in_topic(kafka, topic) == [wanted]
    assert listed(topic) == [old, other_type, theirs]
    assert events("replay", "--topic", topic, "--to", since) == {"replayed": 1}
    assert events("replay", "--topic", topic, "--id", theirs) == {"replayed": 1}
    assert listed(topic) == [other_type]
    assert events("replay", "--topic", topic, "--rate", "1000") == {"replayed": 1}
    assert in_topic(kafka, topic) == [wanted, old, theirs, other_type]


@pytest.mark.kafka
def test_a_dropped_letter_is_never_replayed_and_its_neighbours_are(kafka, topic):
    first, bad, last = (put_letter(kafka, topic) for _ in range(3))
    place = f"{topic}:0:1"
    assert events("dead", "drop", "--place", place, "--reason", "nonsense", "--dry-run") == {
        "would_drop": 1
    }
    assert listed(topic) == [first, bad, last]
    assert events("dead", "drop", "--place", place, "--reason", "nonsense") == {"dropped": 1}
    assert events("dead", "drop", "--place", place, "--reason", "nonsense") == {"dropped": 0}
    assert listed(topic) == [first, last]
    assert events("replay", "--topic", topic) == {"replayed": 2}
    assert in_topic(kafka, topic) == [first, last]
    entries = AuditEntry.objects.order_by("id").values_list("action", "reason", "changes")
    assert [(action, reason) for action, reason, _ in entries] == [
        ("events.drop", "nonsense"),
        ("events.replay", "manage.py events replay"),
    ]
    assert [changes["counts"] for *_, changes in entries] == [{"dropped": 1}, {"replayed": 2}]
    assert entries[0][2]["selection"]["places"] == [place]


@pytest.mark.kafka
def test_a_letter_whose_message_is_gone_is_counted_and_the_rest_is_replayed(kafka, topic, capsys):
    send(kafka, topic, NO_EVENT)
    producer = Producer({"bootstrap.servers": kafka})
    headers = {"group": "ours", "topic": topic, "partition": "0", "offset": "99", "cut": "5"}
    producer.produce(dead_letters_of(topic), value=b"x", headers=list(headers.items()))
    assert producer.flush(10) == 0
    put_letter(kafka, topic)
    with pytest.raises(SystemExit) as ended:
        events("replay", "--topic", topic)
    assert ended.value.code == 1
    assert listed(topic) == []
    [changes] = AuditEntry.objects.values_list("changes", flat=True)
    assert changes["counts"] == {"gone": 1, "replayed": 1}


@pytest.mark.kafka
def test_more_gaps_than_kafka_keeps_are_refused_before_they_are_lost(kafka, topic, monkeypatch):
    monkeypatch.setattr(replay_progress, "_MOST_METADATA", 5)
    ids = [put_letter(kafka, topic) for _ in range(4)]
    with pytest.raises(CommandError, match="older letters first"):
        events("replay", "--topic", topic, "--id", ids[1], "--id", ids[3])
    assert listed(topic) == [ids[0], ids[2], ids[3]]


@pytest.mark.kafka
def test_a_letter_that_is_not_there_is_an_error(kafka, topic):
    with pytest.raises(CommandError, match="no letter"):
        events("dead", "show", f"{topic}:0:7")
    assert letters_module.find_letter(letters_module.Place(topic, 0, 7)) is None


def test_a_window_includes_its_beginning_and_not_its_end():
    at, place = clock.now(), letters_module.Place("topic", 0, 1)
    letter = letters_module.Letter(place, "ours", at, "", "", "", "points.spent", None)
    moment = timedelta(microseconds=1)
    for since, until, wanted in (
        (at, at + moment, True),
        (at + moment, None, False),
        (None, at, False),
        (None, None, True),
    ):
        selection = letters_module.Selection("topic", since=since, until=until)
        assert selection.includes(letter) is wanted


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["replay"], "name one topic"),
        (["replay", "--outbox", "--group", "g"], "for letters"),
        (["replay", "--outbox", "--rate", "1"], "for letters"),
        (["replay", "--topic", "frontrow.points.v1", "--rate", "0"], "above 0"),
        (["dead", "drop", "--topic", "frontrow.points.v1"], "--reason"),
        (["dead", "show", "frontrow.points.v1:0"], "place"),
        (["dead", "show", "unknown:0:1"], "place"),
        (["dead", "list", "--from", "yesterday"], "--from"),
        (["replay", "--place", "frontrow.points.v1:0:1", "--topic", "frontrow.payments.v1"], "one"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(settings, words, complaint):
    settings.KAFKA_BOOTSTRAP_SERVERS = "127.0.0.1:1"
    with pytest.raises(CommandError, match=complaint):
        events(*words)


def test_without_kafka_letters_are_out_of_reach(settings):
    settings.KAFKA_BOOTSTRAP_SERVERS = ""
    with pytest.raises(CommandError, match="KAFKA_BOOTSTRAP_SERVERS"):
        events("dead", "list")


def test_events_that_kafka_refused_are_revived_by_filter(db_ready):
    now = clock.now()
    [old] = write(new_event(), now=now - timedelta(days=2))
    [young] = write(new_event(), now=now)
    OutboxEvent.objects.update(dead_at=now, failure="too large")
    chosen = ("replay", "--outbox", "--to", (now - timedelta(days=1)).isoformat())
    assert events(*chosen, "--dry-run") == {"would_replay": 1}
    assert events(*chosen) == {"replayed": 1}
    assert list(OutboxEvent.objects.dead().values_list("pk", flat=True)) == [young]
    other = ("replay", "--outbox", "--type", "points.charged")
    assert events(*other) == {"replayed": 0}
    assert events("replay", "--outbox", "--id", str(young)) == {"replayed": 1}
    assert old != young
    assert AuditEntry.objects.filter(action="events.revive").count() == 2


@pytest.mark.kafka
def test_a_group_reads_a_replayed_letter_again(kafka, topic):
    """The letter comes back to the end of the topic, under its key."""
    group = new_group(kafka, topic)
    event_id = put_letter(kafka, topic, group)
    assert events("replay", "--topic", topic, "--group", group) == {"replayed": 1}
    assert in_topic(kafka, topic) == [event_id]
