"""GET /api/v1/performances/{id}/queue/"""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.ids import uuid7
from tests.support.factories import make_user
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import make_room, queue_url


def test_the_status_is_public_cacheable_and_the_same_for_everybody(api, as_fan, fan):
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
        "stream_url": None,
    }
    assert "max-age=1" in anonymous["Cache-Control"]
    assert "Authorization" not in anonymous.get("Vary", "")
    assert as_fan(fan).get(queue_url(room)).content == anonymous.content


@pytest.mark.parametrize("query", ["format=xml", "format=api", "format=json", "lang=en", "n=1"])
def test_no_parameter_changes_what_everybody_gets(api, query):
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


def test_refusals(api):
    unknown = api.get(f"/api/v1/performances/{uuid7()}/queue/")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "performance_not_found")
    bare = api.get(queue_url(make_room(queue_required=False)))
    assert (bare.status_code, bare.json()["code"]) == (409, "queue_not_required")
