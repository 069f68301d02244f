"""GET and DELETE /api/v1/performances/{id}/queue/me/"""

import pytest

from kernel.ids import uuid7
from tests.support.factories import make_user
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import make_room, place_url, queue_url


@pytest.fixture
def room(db_ready):
    return make_room(capacity=1)


def test_polling_shows_the_place_of_the_join(as_fan, fan, room):
    as_fan(make_user()).post(queue_url(room))
    client = as_fan(fan)
    joined = client.post(queue_url(room)).json()
    polled = client.get(place_url(room), headers={"X-Queue-Token": joined["token"]})
    assert polled.status_code == 200
    assert {**polled.json(), "poll_after_seconds": 0} == {**joined, "poll_after_seconds": 0}


def test_the_pass_is_taken_as_well_as_the_token(as_fan, fan, room):
    client = as_fan(fan)
    joined = client.post(queue_url(room)).json()
    polled = client.get(place_url(room), headers={"X-Queue-Token": joined["pass"]}).json()
    assert polled["state"] == "ADMITTED"
    assert polled["admitted_until"] == joined["admitted_until"]
    assert polled["pass"]
    assert polled["number"] == joined["number"]


def test_a_poll_costs_one_redis_call_and_no_sql(as_fan, room):
    for _ in range(2):  # the admitted fan, then one who waits
        client = as_fan(make_user())
        token = client.post(queue_url(room)).json()["token"]
        with counted_round_trips() as trips:
            answer = client.get(place_url(room), headers={"X-Queue-Token": token})
        assert answer.status_code == 200
        assert trips.redis == ["FCALL frontrow_queue_v1_poll_many"]
        assert trips.sql == []


def test_no_token_no_place(as_fan, fan, room):
    client = as_fan(fan)
    client.post(queue_url(room))
    answer = client.get(place_url(room))
    assert (answer.status_code, answer.json()["code"]) == (403, "queue_token_required")


def test_another_fans_token_is_refused(as_fan, fan, room):
    token = as_fan(make_user()).post(queue_url(room)).json()["token"]
    answer = as_fan(fan).get(place_url(room), headers={"X-Queue-Token": token})
    assert (answer.status_code, answer.json()["code"]) == (403, "queue_token_invalid")


@pytest.mark.parametrize("token", ["x", "a.b.c", "é.é.é", "." * 5000, "null", "e30.e30.e30"])
def test_nonsense_is_refused(as_fan, fan, room, token):
    answer = as_fan(fan).get(place_url(room), headers={"X-Queue-Token": token})
    assert (answer.status_code, answer.json()["code"]) == (403, "queue_token_invalid")


def test_leaving_is_repeatable_and_shows(as_fan, fan, room):
    client = as_fan(fan)
    token = client.post(queue_url(room)).json()["token"]
    assert client.delete(place_url(room)).status_code == 204
    assert client.delete(place_url(room)).status_code == 204
    polled = client.get(place_url(room), headers={"X-Queue-Token": token}).json()
    assert (polled["state"], polled["pass"]) == ("LEFT", None)
    again = client.post(queue_url(room))
    assert (again.status_code, again.json()["number"]) == (201, 2)


def test_leaving_what_is_not_there(as_fan, fan):
    answer = as_fan(fan).delete(f"/api/v1/performances/{uuid7()}/queue/me/")
    assert (answer.status_code, answer.json()["code"]) == (404, "performance_not_found")


def test_nobody_without_a_proof_sees_or_leaves_a_place(api, room):
    assert api.get(place_url(room)).status_code == 401
    assert api.delete(place_url(room)).status_code == 401
