"""Who waits too long hears so before the gateway gives the service up (Note [Late calls])."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fastpath import calls, late_calls
from fastpath import holds as holds_route
from fastpath.messages import Response
from fastpath.service import HAND_OVER, FastPathService
from idempotency.models import Record
from reservations.models import Reservation
from tests.support.factories import make_performance, make_user
from tests.support.service import answer_to, request_of
from tests.support.waiting_rooms import make_room, queue_url
from tests.support.wsgi import bearer, environment, wish

pytestmark = pytest.mark.usefixtures("db_ready", "nothing_counted")


@pytest.fixture
def stuck(monkeypatch):
    """Make batches of holds wait for an event; return it, and one that says that a batch waits."""
    begun, go_on, place = threading.Event(), threading.Event(), holds_route._place_at_once

    def held_back(requests):
        begun.set()
        assert go_on.wait(20)
        return place(requests)

    monkeypatch.setattr(holds_route, "_place_at_once", held_back)
    yield begun, go_on
    go_on.set()


def short(monkeypatch, seconds: float = 0.2) -> None:
    """Make every call's patience so short."""
    monkeypatch.setattr(late_calls, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(calls.Route, "__init__", _with_patience(calls.Route.__init__, seconds))


def _with_patience(make, seconds):
    def made(route, *args, **values):
        make(route, *args, **{**values, "patience": seconds})

    return made


def two_holds(stuck, key: str = "") -> list[Response]:
    """Send a hold, and once its batch waits another; return the responses.

    The batch goes on when both have one, or after a second.
    """
    begun, go_on = stuck
    performance, fans = make_performance(seats=4), [make_user(), make_user()]
    seats = [str(seat.pk) for seat in performance.seats.order_by("index")]
    extra = {"HTTP_IDEMPOTENCY_KEY": key} if key else {}
    asked = [
        wish(fan, {"performance_id": str(performance.pk), "seat_ids": [seat]}, **extra)
        for fan, seat in zip(fans, (seats[0], seats[2]), strict=True)
    ]

    async def exchange(executor: ThreadPoolExecutor) -> list[Response]:
        service = FastPathService(executor)
        await service.open()
        first = asyncio.ensure_future(answer_to(service, request_of(asked[0])))
        while not begun.is_set():
            await asyncio.sleep(0.005)
        second = asyncio.ensure_future(answer_to(service, request_of(asked[1])))
        await asyncio.wait([first, second], timeout=1)
        go_on.set()
        responses = list(await asyncio.gather(first, second))
        _, holds, *_ = service._routes
        while holds._batches._batches._waiting or holds._keys._answering:
            await asyncio.sleep(0.005)
        service.close()
        return responses

    with ThreadPoolExecutor(2) as executor:
        return asyncio.run(exchange(executor))


def statuses(responses: list[Response]) -> list[int]:
    return [one.status for one in responses]


def test_who_waits_too_long_hears_that_the_outcome_is_unknown(stuck, monkeypatch):
    short(monkeypatch)
    responses = two_holds(stuck)
    assert [json.loads(one.body)["code"] for one in responses] == ["outcome_unknown"] * 2
    assert statuses(responses) == [503, 503]
    # What had begun went to its end, what waited behind it was left out.
    assert Reservation.objects.count() == 1


def test_a_late_hold_under_a_key_is_found_by_the_same_request(stuck, monkeypatch):
    short(monkeypatch)
    assert statuses(two_holds(stuck, key="a-key-of-mine")) == [503, 503]
    states = sorted(Record.objects.values_list("state", "status"))
    assert ("FINISHED", 201) in states


@pytest.mark.control
def test_control_unwatched_they_would_wait_as_long_as_the_batch(stuck, monkeypatch):
    short(monkeypatch)
    monkeypatch.setattr(late_calls.LateCalls, "watch", lambda *_: None)
    assert statuses(two_holds(stuck)) == [201, 201]


def test_a_late_look_at_the_room_is_handed_over(monkeypatch):
    short(monkeypatch, seconds=0.0)
    room, fan = make_room(), make_user()

    async def never(*_):
        await asyncio.Event().wait()

    async def exchange(executor: ThreadPoolExecutor) -> Response:
        service = FastPathService(executor)
        await service.open()
        monkeypatch.setattr(service._waiting_rooms._polls, "_serve", never)
        asked = environment("GET", f"{queue_url(room)}me/", HTTP_AUTHORIZATION=bearer(fan))
        response = await asyncio.wait_for(answer_to(service, request_of(asked)), 5)
        service.close()
        return response

    with ThreadPoolExecutor(2) as executor:
        assert asyncio.run(exchange(executor)) == HAND_OVER


def test_one_that_cannot_be_refused_does_not_stop_the_looks(stuck, monkeypatch):
    short(monkeypatch)
    refused, refuse = [], calls.Call.refusal

    def fails_once(call, *args, **values):
        refused.append(call)
        if len(refused) == 1:
            raise LookupError("a defect")
        return refuse(call, *args, **values)

    monkeypatch.setattr(calls.Call, "refusal", fails_once)
    assert statuses(two_holds(stuck)) == [HAND_OVER.status, 503]
