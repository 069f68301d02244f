"""POST /api/v1/performances/{id}/queue/"""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.ids import uuid7
from tests.support.factories import make_concert, make_performance, make_user
from tests.support.round_trips import counted_round_trips
from tests.support.waiting_rooms import make_room, place_url, queue_url

MEMBERS = {
    "token",
    "number",
    "state",
    "position",
    "ahead",
    "eta_seconds",
    "poll_after_seconds",
    "admitted_until",
    "pass",
}


def test_the_first_join_makes_a_place_and_the_second_shows_the_same(as_fan, fan):
    room = make_room()
    client = as_fan(fan)

    first = client.post(queue_url(room))
    second = client.post(queue_url(room), {})

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["number"] == second.json()["number"] == 1
    assert set(first.json()) == MEMBERS
    assert first["Cache-Control"] == "private, no-store"


def test_an_admitted_fan_gets_a_pass_and_its_end(as_fan, fan):
    answer = as_fan(fan).post(queue_url(make_room())).json()
    assert answer["state"] == "ADMITTED"
    assert answer["pass"]
    assert answer["admitted_until"].endswith("Z")
    assert (answer["ahead"], answer["position"], answer["eta_seconds"]) == (0, 1, 0)


def test_those_who_wait_see_how_long_and_when_to_ask_again(as_fan, fan):
    room = make_room(capacity=1)
    as_fan(make_user()).post(queue_url(room))
    as_fan(make_user()).post(queue_url(room))
    answer = as_fan(fan).post(queue_url(room)).json()
    assert (answer["state"], answer["ahead"], answer["position"]) == ("WAITING", 1, 2)
    assert answer["poll_after_seconds"] >= 1
    assert (answer["pass"], answer["admitted_until"]) == (None, None)


def test_a_join_costs_one_redis_call_and_no_sql(as_fan):
    room = make_room()
    newcomer, known = as_fan(make_user()), as_fan(make_user())
    known.post(queue_url(room))
    for client, status in ((newcomer, 201), (known, 200)):
        with counted_round_trips() as trips:
            assert client.post(queue_url(room)).status_code == status
        assert trips.redis == ["FCALL frontrow_queue_v1_join_many"]
        assert trips.sql == []


@pytest.mark.parametrize(
    ("config", "status", "code"),
    [
        ({"state": "PAUSED"}, 503, "queue_paused"),
        ({"state": "DRAINING"}, 409, "queue_closed"),
        ({"state": "CLOSED"}, 409, "queue_closed"),
        ({"queue_required": False}, 409, "queue_not_required"),
        ({"queue_opens_at": clock.now() + timedelta(days=1)}, 409, "queue_not_open"),
    ],
)
def test_refusals_name_their_reason(as_fan, fan, config, status, code):
    answer = as_fan(fan).post(queue_url(make_room(**config)))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert ("Retry-After" in answer) == (status == 503)


def test_unknown_draft_and_queueless_performances_are_distinguished(as_fan, fan):
    client = as_fan(fan)
    draft = make_performance(seats=1, on_sale=False, concert=make_concert(published=False))
    bare = make_performance(seats=1, on_sale=False)
    unknown = f"/api/v1/performances/{uuid7()}/queue/"
    for url, code in (
        (unknown, "performance_not_found"),
        (queue_url(draft), "performance_not_found"),
        (queue_url(bare), "queue_not_required"),
    ):
        assert client.post(url).json()["code"] == code


def test_asking_for_what_is_not_there_costs_sql_once_a_second(as_fan, fan):
    client, url = as_fan(fan), f"/api/v1/performances/{uuid7()}/queue/"
    client.post(url)
    with counted_round_trips() as trips:
        assert client.post(url).status_code == 404
    assert trips.sql == []


def test_unknown_members_are_refused(as_fan, fan):
    answer = as_fan(fan).post(queue_url(make_room()), {"seat": "A1"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/seat"


def test_joining_needs_a_login(api):
    answer = api.post(queue_url(make_room()))
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_a_token_of_another_room_does_not_stand_in_the_way(as_fan, fan):
    client = as_fan(fan)
    foreign = client.post(queue_url(make_room())).json()["token"]
    answer = client.post(queue_url(make_room()), headers={"X-Queue-Token": foreign})
    assert answer.status_code == 201


def test_the_queue_server_away_is_a_clear_503(as_fan, fan, parts):
    room = make_room()
    client = as_fan(fan)
    token = client.post(queue_url(room)).json()["token"]
    parts.part("queue").stop()
    try:
        answers = [
            client.post(queue_url(room)),
            client.get(place_url(room), headers={"X-Queue-Token": token}),
            client.delete(place_url(room)),
            client.get(queue_url(room)),
        ]
    finally:
        parts.part("queue").start()
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (503, "queue_unavailable")
        assert int(answer["Retry-After"]) >= 1
