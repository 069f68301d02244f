"""The form of an event on the wire, without a wire."""

import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevents import Event, NotAnEvent, dump, load
from events.ids import SHARDS, inbox_key, shard_of
from kernel.ids import uuid7

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(
    data=st.dictionaries(st.text(), JSON),
    time=st.datetimes(
        min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1),
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=9))]),
    ).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)),
    request_id=st.sampled_from(["", "request-1"]),
)  # fmt: skip
def test_what_is_dumped_is_loaded_again(data, time, request_id):
    event = Event(
        id=uuid7(), source="/frontrow/points", type="points.spent", subject="서울",
        time=time, data=data, request_id=request_id,
    )  # fmt: skip
    assert load(dump(event)) == event


def test_no_attribute_is_an_empty_string():
    event = Event(uuid7(), "/a", "a.b", "s", datetime(2026, 1, 1, tzinfo=UTC), {})
    document = json.loads(dump(event))
    assert "" not in document.values()
    assert not {"requestid", "traceparent"} & set(document)
    assert document["time"] == "2026-01-01T00:00:00.000Z"


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_not_an_event(value):
    with pytest.raises(NotAnEvent):
        load(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"specversion":"1.0"}',
        b'{"specversion":"0.3","data":{}}',
    ],
)
def test_bytes_that_are_no_event_say_so(value):
    with pytest.raises(NotAnEvent):
        load(value)


@pytest.mark.parametrize("opening", [b"[", b'{"specversion":"1.0","data":', b'{"a":'])
def test_what_is_nested_too_deeply_is_no_event(opening):
    with pytest.raises(NotAnEvent):
        load(opening + b'{"a":' * 150_000)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "x"}, {"id": 5}, {"time": "yesterday"}, {"time": "2026-01-01T00:00:00"},
        {"time": "0001-01-01T00:00:00+14:00"}, {"time": "9999-12-31T23:59:59-14:00"},
        {"specversion": "0.3"}, {"data": []}, {"data": None}, {"requestid": 5}, {"type": None},
    ],
)  # fmt: skip
def test_an_event_with_a_wrong_attribute_is_none(change):
    event = Event(uuid7(), "/a", "a.b", "s", datetime(2026, 1, 1, tzinfo=UTC), {})
    document = json.loads(dump(event)) | change
    with pytest.raises(NotAnEvent):
        load(json.dumps(document).encode())


def test_inbox_keys_differ_by_group_and_keep_the_events_time():
    event_id = uuid7()
    keys = {inbox_key(event_id, "a"), inbox_key(event_id, "b"), inbox_key(uuid7(), "a")}
    assert len(keys) == 3
    assert {key.version for key in keys} == {7}
    assert inbox_key(event_id, "a").int >> 80 == event_id.int >> 80
    assert inbox_key(event_id, "a") == inbox_key(event_id, "a")
    with pytest.raises(ValueError, match="UUIDv7"):
        inbox_key(UUID(int=5), "a")


@given(st.uuids(), st.text(min_size=1, max_size=50))
def test_inbox_keys_are_uuid7s_of_the_events_time(random, group):
    event_id = UUID(int=(random.int & ~(0xF << 76) | 7 << 76) & ~(3 << 62) | 2 << 62)
    key = inbox_key(event_id, group)
    assert key.version == 7
    assert key.int >> 80 == event_id.int >> 80
    assert key != inbox_key(event_id, group + "x")
    assert 0 <= shard_of(event_id) < SHARDS


def test_an_aggregate_stays_in_one_shard_and_aggregates_spread():
    shards = [shard_of(uuid7()) for _ in range(400)]
    assert set(shards) == set(range(SHARDS))
    known = UUID("01900000-0000-7000-8000-000000000001")
    assert shard_of(known) == 11  # stays so over releases: shards are stored
