"""Batches of holds at once: seats and limits hold between them too."""

import random
import threading

import pytest

from kernel import clock
from reservations import locking, queries
from reservations.locking import LockedFan
from reservations.usecases import holds
from tests.support import factories
from tests.support.concurrency import at_once
from tests.support.database import deadlocks
from tests.support.holding import inventory_disagreements, place, seats_held_twice, wanted
from tests.support.unguarded import without_the_gate

pytestmark = pytest.mark.concurrency

REFUSALS = (holds.SeatTaken, holds.SeatLimitExceeded)
LIMIT = 4


def held(outcomes):
    return [one for one in outcomes if not isinstance(one, Exception)]


@pytest.mark.parametrize("gate", ["with the gate", "without the gate"])
def test_batches_and_single_holds_on_overlapping_seats_never_hold_one_twice(
    db_ready, monkeypatch, gate
):
    if gate == "without the gate":
        without_the_gate(monkeypatch)
    performance = factories.make_performance(seats=60, max_seats_per_fan=20)
    seats = factories.seat_ids(performance)
    fans = [factories.make_user() for _ in range(72)]
    choose = random.Random(11)
    asked = [wanted(fan, performance, choose.sample(seats, choose.randint(1, 4))) for fan in fans]
    before = deadlocks()

    def batch(number):
        return holds.place_many(asked[8 * number : 8 * number + 8], now=clock.now())

    def single(number):
        request = asked[64 + number]
        return [place(request.user_id, performance, request.seat_ids)]

    results = at_once(
        [
            *(lambda number=number: batch(number) for number in range(8)),
            *(lambda number=number: single(number) for number in range(8)),
        ]
    )
    outcomes = [
        one for result in results for one in (result if isinstance(result, list) else [result])
    ]
    failed = [one for one in outcomes if isinstance(one, Exception)]
    assert [one for one in failed if not isinstance(one, REFUSALS)] == []
    assert len(held(outcomes)) >= 15
    assert deadlocks() == before
    assert seats_held_twice(clock.now()) == []
    assert inventory_disagreements(clock.now()) == []


@pytest.mark.parametrize("guarded", [True, pytest.param(False, marks=pytest.mark.control)])
def test_no_fan_passes_the_limit_in_batches_at_once(db_ready, monkeypatch, guarded):
    performance = factories.make_performance(seats=24, max_seats_per_fan=LIMIT)
    seats = factories.seat_ids(performance)
    fans = [factories.make_user() for _ in range(3)]
    if not guarded:  # both batches count before either writes
        counted = threading.Barrier(2)
        count = queries.seats_of_fans

        def count_and_wait(**arguments):
            found = count(**arguments)
            counted.wait(timeout=10)
            return found

        monkeypatch.setattr(queries, "seats_of_fans", count_and_wait)
        monkeypatch.setattr(locking, "try_lock_fans", lambda *, fans: [LockedFan()] * len(fans))

    def batch(number):
        first = 12 * number
        return holds.place_many(
            [
                wanted(fan, performance, seats[first + 4 * at : first + 4 * at + 3])
                for at, fan in enumerate(fans)
            ],
            now=clock.now(),
        )

    results = at_once([lambda number=number: batch(number) for number in range(2)])
    outcomes = [one for result in results for one in result]
    for fan in fans:
        mine = sum(len(one.seats) for one in held(outcomes) if one.user_id == fan.pk)
        assert mine == (3 if guarded else 6)
    refused = [one for one in outcomes if isinstance(one, Exception)]
    assert [type(one) for one in refused] == [holds.SeatLimitExceeded] * (3 if guarded else 0)
