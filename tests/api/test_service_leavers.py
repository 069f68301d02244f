"""Who leaves the service: what has begun ends, and nothing of the call is left behind."""

import asyncio
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from accounts.models import User
from fastpath import holds as holds_route
from fastpath import keys
from fastpath.at_once import BatchesAtOnce
from fastpath.service import FastPathService
from idempotency.models import Record
from kernel.http import call_limits
from kernel.telemetry import access_log
from reservations.models import Reservation
from tests.support.factories import make_performance, make_user
from tests.support.service import answer_to, exchanges, request_of
from tests.support.waiting_rooms import make_room, queue_url
from tests.support.wsgi import bearer, environment, wish

pytestmark = pytest.mark.usefixtures("db_ready", "nothing_counted")


@pytest.fixture
def lines(caplog, settings):
    """Return a function that returns status and user of the access lines."""
    settings.LOG_FORMAT = "console"
    caplog.set_level(logging.INFO, logger="frontrow.access")
    access_log.flush()
    caplog.clear()

    def logged() -> list[tuple[int, str]]:
        access_log.flush()
        return [
            (one.status, one.user_id) for one in caplog.records if one.name == "frontrow.access"
        ]

    return logged


def leave(
    environs, *, begun: Callable[[], bool] = lambda: True, left: Callable[[], None] = lambda: None
) -> None:
    """Send requests at once, leave once they have `begun`, call `left`, and await what goes on."""

    async def leaving(executor: ThreadPoolExecutor) -> None:
        service = FastPathService(executor)
        await service.open()
        calls = [asyncio.ensure_future(answer_to(service, request_of(one))) for one in environs]
        await asyncio.sleep(0)
        while not begun():
            await asyncio.sleep(0.005)
        for call in calls:
            call.cancel()
        ends = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(one) for one in ends} == {asyncio.CancelledError}
        left()
        _, holds, payments, *_ = service._routes
        while any(
            route._batches._batches._waiting or route._keys._answering
            for route in (holds, payments)
        ):
            await asyncio.sleep(0.005)
        threads = holds._batches._threads
        await asyncio.get_running_loop().run_in_executor(None, threads.alone.shutdown)
        service.close()
        await asyncio.sleep(0)

    with ThreadPoolExecutor(2) as executor:
        asyncio.run(leaving(executor))


# --- the call


def status_after_joins_that_were_left(settings) -> list[int]:
    """Return what a client IP with six calls reads after nine joins whose fan left."""
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"anonymous": "6/hour"}
    room, fan = make_room(), make_user()
    leave([environment("POST", queue_url(room), HTTP_AUTHORIZATION=bearer(fan))] * 9)
    return [exchanges([environment("GET", queue_url(room))])[0].status for _ in range(6)]


def test_calls_with_a_login_that_were_left_use_no_client_ip_up(settings):
    assert status_after_joins_that_were_left(settings) == [200] * 6


@pytest.mark.control
def test_control_not_settled_they_would_use_it_up(settings, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(call_limits._client_ips, "refund", lambda *_: None)
        assert status_after_joins_that_were_left(settings) == [429] * 6


def test_a_call_that_was_left_is_logged_with_its_person(lines):
    fan = make_user()
    leave([environment("POST", queue_url(make_room()), HTTP_AUTHORIZATION=bearer(fan))])
    assert lines() == [(499, str(fan.pk))]


# --- the hold


def fan_who_left_two_holds(monkeypatch) -> User:
    """Let a fan ask twice in one batch, of which the second goes alone, and leave."""
    performance, fan = make_performance(seats=4), make_user()
    begun, go_on, place = threading.Event(), threading.Event(), holds_route._place_at_once

    def held_back(requests):
        begun.set()
        assert go_on.wait(20)
        return place(requests)

    monkeypatch.setattr(holds_route, "_place_at_once", held_back)
    seats = [str(seat.pk) for seat in performance.seats.order_by("index")]
    asked = [
        wish(fan, {"performance_id": str(performance.pk), "seat_ids": [seat]})
        for seat in (seats[0], seats[2])
    ]
    leave(asked, begun=begun.is_set, left=go_on.set)
    return fan


def test_a_hold_that_goes_alone_is_decided_though_its_fan_has_left(monkeypatch, lines):
    fan = fan_who_left_two_holds(monkeypatch)
    assert Reservation.objects.filter(user=fan).count() == 2
    assert lines() == [(499, str(fan.pk))] * 2


@pytest.mark.control
def test_control_decided_by_who_waits_for_it_nobody_would(monkeypatch):
    async def as_they_are(batches, _key, requests):
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(batches._threads.batches, batches._released, requests)

    monkeypatch.setattr(BatchesAtOnce, "_serve_at_once", as_they_are)
    fan = fan_who_left_two_holds(monkeypatch)
    assert Reservation.objects.filter(user=fan).count() == 1


def answer_of_a_left_hold_with_a_key(monkeypatch) -> tuple[str, int]:
    """Let a fan leave while a hold with a key is placed; return the record's state and status."""
    performance, fan = make_performance(seats=4), make_user()
    begun, go_on, place = threading.Event(), threading.Event(), holds_route._place_at_once

    def held_back(requests):
        begun.set()
        assert go_on.wait(20)
        return place(requests)

    monkeypatch.setattr(holds_route, "_place_at_once", held_back)
    body = {"performance_id": str(performance.pk), "best_available": {"count": 1}}
    asked = wish(fan, body, HTTP_IDEMPOTENCY_KEY="a-key-of-mine")
    leave([asked], begun=begun.is_set, left=go_on.set)
    assert Reservation.objects.filter(user=fan).count() == 1
    record = Record.objects.get()
    return record.state, record.status


def test_the_answer_to_who_has_left_is_kept_for_the_key(monkeypatch):
    assert answer_of_a_left_hold_with_a_key(monkeypatch) == ("FINISHED", 201)


@pytest.mark.control
def test_control_left_with_its_client_the_key_would_be_without_an_answer(monkeypatch):
    monkeypatch.setattr(keys.asyncio, "shield", lambda answering: answering)
    assert answer_of_a_left_hold_with_a_key(monkeypatch) == ("RUNNING", None)
