"""However many poll, join and tick at once, nobody is admitted beyond capacity or rate.

Every guarantee has its control: the same crowd on the library without that guard must break it.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from django.db import connections

from kernel import clock
from kernel.ids import uuid7
from queueing.queue_server import queue_server
from queueing.replies import PlaceState
from queueing.usecases import waiting_room
from tests.support.waiting_rooms import make_room

pytestmark = pytest.mark.concurrency

FANS, CLIENTS, BEATS, SECONDS = 400, 12, 2, 2.0
PLACES = "math.min(room.capacity - live, math.floor(room.credit + 1e-6), BATCH)"


@dataclass
class Seen:
    """What a crowd saw."""

    most_active: int
    admitted: list[int]  # numbers
    waiting: list[int]
    seconds: float
    failures: list[BaseException]


def rush(performance) -> Seen:
    """Let fans join and poll, and two beats tick, all at once, for a while."""
    users = [uuid7() for _ in range(FANS)]
    places: dict = {}
    failures: list[BaseException] = []
    actives: list[int] = []
    start = threading.Barrier(CLIENTS + BEATS)
    began = time.monotonic()

    def client(mine) -> None:
        start.wait()
        while time.monotonic() < began + SECONDS:
            for user in mine:
                known = places.get(user)
                common = {"user_id": user, "performance_id": performance.pk, "now": clock.now()}
                act = waiting_room.poll if known else waiting_room.join
                places[user] = act(**common, token=known and known.token)

    def beat() -> None:
        start.wait()
        while time.monotonic() < began + SECONDS:
            waiting_room.advance(now=clock.now())
            totals = queue_server.tick(
                performance_id=performance.pk, now_ms=clock.to_ms(clock.now())
            ).totals
            if totals:
                actives.append(totals.active)

    def guarded(work, *args) -> None:
        try:
            work(*args)
        except BaseException as error:  # noqa: BLE001  (reported by the test)
            failures.append(error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(CLIENTS + BEATS) as pool:
        for n in range(CLIENTS):
            pool.submit(guarded, client, users[n::CLIENTS])
        for _ in range(BEATS):
            pool.submit(guarded, beat)
    now = clock.now()  # one moment for all, so that nobody's answer is older than another's
    for user, place in places.items():
        places[user] = waiting_room.poll(
            user_id=user, performance_id=performance.pk, token=place.token, now=now
        )
    numbers = {
        state: [place.number for place in places.values() if place.state is state]
        for state in (PlaceState.ADMITTED, PlaceState.WAITING)
    }
    return Seen(
        max(actives, default=0),
        numbers[PlaceState.ADMITTED],
        numbers[PlaceState.WAITING],
        time.monotonic() - began,
        failures,
    )


def within_capacity(seen: Seen, capacity: int) -> bool:
    return seen.most_active <= capacity and len(seen.admitted) <= capacity


def within_rate(seen: Seen, rate: int) -> bool:
    return len(seen.admitted) <= rate * (2 + seen.seconds)


def test_capacity_holds_under_a_rush():
    seen = rush(make_room(capacity=20, rate_per_second=5000))
    assert not seen.failures
    assert within_capacity(seen, 20)
    assert sorted(seen.admitted) == list(range(1, 21))  # first come, first served
    assert len(seen.waiting) == FANS - 20


def test_the_rate_holds_under_a_rush():
    seen = rush(make_room(capacity=10_000, rate_per_second=30))
    assert not seen.failures
    assert within_rate(seen, 30)
    assert len(seen.admitted) > 30 * 2  # more than the burst: time was repaid
    assert max(seen.admitted) < min(seen.waiting)
    everybody = sorted([*seen.admitted, *seen.waiting])
    assert everybody == list(range(1, FANS + 1))  # no number twice, none left out


@pytest.mark.control
def test_control_without_the_capacity_guard_too_many_are_admitted(weakened):
    weakened(PLACES, PLACES.replace("room.capacity - live, ", ""))
    seen = rush(make_room(capacity=20, rate_per_second=5000))
    assert not seen.failures
    assert not within_capacity(seen, 20)


@pytest.mark.control
def test_control_without_the_rate_guard_too_many_are_admitted(weakened):
    weakened(PLACES, PLACES.replace("math.floor(room.credit + 1e-6), ", ""))
    seen = rush(make_room(capacity=10_000, rate_per_second=30))
    assert not seen.failures
    assert not within_rate(seen, 30)


@pytest.mark.control
def test_control_admitting_the_latest_first_is_noticed(weakened):
    weakened("'ZPOPMIN'", "'ZPOPMAX'")
    seen = rush(make_room(capacity=10_000, rate_per_second=30))
    assert not seen.failures
    assert max(seen.admitted) > min(seen.waiting)


def test_a_cold_room_hit_by_everybody_at_once_gives_each_number_once(queue_redis):
    performance = make_room(capacity=1)
    users = [uuid7() for _ in range(48)]
    start = threading.Barrier(len(users))
    failures: list[BaseException] = []
    numbers: list[int] = []

    def join(user) -> None:
        try:
            start.wait()
            place = waiting_room.join(
                user_id=user, performance_id=performance.pk, token=None, now=clock.now()
            )
            numbers.append(place.number)
        except BaseException as error:  # noqa: BLE001  (reported by the test)
            failures.append(error)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(users)) as pool:
        list(pool.map(join, users))
    assert not failures
    assert len(set(numbers)) == len(users)
