"""GET /api/v1/performances/{id}/queue/"""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.ids import uuid7
from queueing.queue_server import queue_server
from queueing.replies import TotalsReply
from queueing.usecases import waiting_room
from tests.support.factories import make_user
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import make_room, queue_url

OPENING = timedelta(minutes=10)


@pytest.fixture
def moment(monkeypatch):
    """Return the present, which stands still; `at` says how to move it."""
    found = clock.now().replace(microsecond=123_000)
    at(monkeypatch, found)
    return found


def at(monkeypatch, moment):
    monkeypatch.setattr(clock, "now", lambda: moment)
    waiting_room._public.clear()


def test_the_status_is_public_cacheable_and_the_same_for_everybody(api, as_fan, fan, moment):
    room = make_room(capacity=1, rate_per_second=2)
    for _ in range(3):
        as_fan(make_user()).post(queue_url(room))
    anonymous = api.get(queue_url(room))
    assert anonymous.json() == {
        "state": "OPEN",
        "serving": 1,
        "waiting": 2,
        "active": 1,
        "rate_per_second": 2.0,
        "poll_after_seconds": 2,
        "as_of": clock.as_text(moment),
        "admission_opens_at": None,
        "stream_url": None,
    }
    assert "max-age=1" in anonymous["Cache-Control"]
    assert "Authorization" not in anonymous.get("Vary", "")
    assert as_fan(fan).get(queue_url(room)).content == anonymous.content


@pytest.mark.parametrize("query", ["format=xml", "format=api", "format=json", "lang=en", "n=1"])
def test_no_parameter_changes_what_everybody_gets(api, moment, query):
    """The gateway keeps one answer, whatever stands behind the question mark."""
    url = queue_url(make_room())
    assert api.get(f"{url}?{query}").content == api.get(url).content


def test_credentials_that_have_expired_do_not_hide_it(api):
    room = make_room()
    api.credentials(HTTP_AUTHORIZATION="Bearer nonsense")
    assert api.get(queue_url(room)).status_code == 200


def test_it_costs_at_most_one_redis_call_and_no_sql(api):
    room = make_room()
    api.get(queue_url(room))
    with counted_round_trips() as trips:
        for _ in range(20):
            assert api.get(queue_url(room)).status_code == 200
    assert len(trips.redis) <= 1
    assert trips.sql == []


@pytest.mark.parametrize("state", ["OPEN", "PAUSED", "DRAINING", "CLOSED"])
def test_it_tells_the_state(api, state):
    assert api.get(queue_url(make_room(state=state))).json()["state"] == state


def test_before_the_opening_it_is_presale(api):
    room = make_room(admission_opens_at=clock.now() + timedelta(hours=1))
    assert api.get(queue_url(room)).json()["state"] == "PRESALE"


def test_before_the_opening_it_tells_when_a_room_begins_to_admit(api, moment, monkeypatch):
    room = make_room(now=moment, admission_opens_at=moment + OPENING)
    before = api.get(queue_url(room)).json()
    assert before["admission_opens_at"] == clock.as_text(moment + OPENING)
    assert before["as_of"] == clock.as_text(moment)
    for seconds, expected in (
        (-0.001, ("PRESALE", before["admission_opens_at"])),
        (0, ("OPEN", None)),
    ):
        at(monkeypatch, moment + OPENING + timedelta(seconds=seconds))
        status = api.get(queue_url(room)).json()
        assert (status["state"], status["admission_opens_at"]) == expected


def test_it_tells_so_where_admission_opens_together_with_the_queue(api, moment):
    room = make_room(now=moment, queue_opens_at=moment + OPENING)
    assert api.get(queue_url(room)).json()["admission_opens_at"] == clock.as_text(moment + OPENING)


@pytest.mark.parametrize("state", ["OPEN", "PAUSED", "DRAINING", "CLOSED"])
def test_only_a_room_that_opens_by_time_tells_when(api, moment, state):
    room = make_room(now=moment, state=state, admission_opens_at=moment + OPENING)
    assert api.get(queue_url(room)).json()["admission_opens_at"] is None


def test_a_moved_opening_is_shown_at_once(api, moment, monkeypatch):
    room = make_room(now=moment, admission_opens_at=moment + OPENING)
    api.get(queue_url(room))
    later = moment + 2 * OPENING
    type(room.queue_config).objects.filter(pk=room.pk).update(admission_opens_at=later, version=2)
    waiting_room.advance(now=moment)
    at(monkeypatch, moment)
    assert api.get(queue_url(room)).json()["admission_opens_at"] == clock.as_text(later)


def test_the_opening_is_known_without_sql(api, moment):
    room = make_room(now=moment, admission_opens_at=moment + OPENING)
    api.get(queue_url(room))
    waiting_room._public.clear()
    with counted_round_trips() as trips:
        assert api.get(queue_url(room)).json()["admission_opens_at"]
    assert (trips.redis, trips.sql) == (["FCALL frontrow_queue_v1_status"], [])


@pytest.mark.control
def test_control_read_by_the_tick_the_opening_would_be_unknown(api, moment, monkeypatch):
    """The reply to a tick is an older release's and names no moment."""

    def tick(**asked) -> TotalsReply:
        return queue_server.tick(**asked)

    monkeypatch.setattr(queue_server, "public_status", tick)
    room = make_room(now=moment, admission_opens_at=moment + OPENING)
    assert api.get(queue_url(room)).json()["admission_opens_at"] == "1970-01-01T00:00:00.000Z"


def test_the_status_admits_those_whose_turn_it_is(as_fan, api, moment, monkeypatch):
    room = make_room(now=moment, admission_opens_at=moment + OPENING)
    as_fan(make_user()).post(queue_url(room))
    assert api.get(queue_url(room)).json()["waiting"] == 1
    at(monkeypatch, moment + OPENING + timedelta(seconds=1))
    status = api.get(queue_url(room)).json()
    assert (status["waiting"], status["active"]) == (0, 1)


def test_refusals(api):
    unknown = api.get(f"/api/v1/performances/{uuid7()}/queue/")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "performance_not_found")
    bare = api.get(queue_url(make_room(queue_required=False)))
    assert (bare.status_code, bare.json()["code"]) == (409, "queue_not_required")
