"""Two executions of one Idempotency-Key, both running: one effect, and the same answer.

Note [Idempotency without a shared transaction] in `idempotency/usecases/leases.py`.
"""

from datetime import timedelta
from importlib import import_module

import pytest

from idempotency.models import Record
from kernel import clock
from kernel.rate_limiting import in_redis
from payments.models import Charge, Payment
from payments.usecases.checkout import methods
from reservations import operations
from reservations.models import Reservation
from reservations.usecases import holds
from tests.support import factories
from tests.support.holding import inventory_disagreements, place
from tests.support.interleaving import InBackground, Stop
from tests.support.money import (
    CHARGES,
    PAYMENTS,
    balance_of,
    give_points,
    hold,
    new_key,
    post,
)
from tests.support.round_trips import counted_round_trips

pytestmark = pytest.mark.usefixtures("charging")
HOLDS = "/api/v1/reservations/"
# The packages have the functions under these names.
placing = import_module("reservations.usecases.holds.placement")
charging = import_module("payments.usecases.charging.charge")


class Holding:
    """Chosen seats; `limit` seats a fan may have."""

    place = (placing, "check_preconditions")

    def __init__(self, fan, *, limit=4):
        self.performance = factories.make_performance(seats=8, max_seats_per_fan=limit)
        wanted = [str(seat) for seat in factories.seat_ids(self.performance, 2)]
        self.path, self.body = (
            HOLDS,
            {"performance_id": str(self.performance.pk), "seat_ids": wanted},
        )

    def made(self):
        assert inventory_disagreements(clock.now()) == []
        return Reservation.objects.count()


class HoldingToTheLimit(Holding):
    """The first execution's seats are all that the fan may have."""

    def __init__(self, fan):
        super().__init__(fan, limit=2)


class HoldingTheBest(Holding):
    """The later execution finds other seats, and its id taken."""

    def __init__(self, fan):
        super().__init__(fan)
        self.body = {
            "performance_id": str(self.performance.pk),
            "best_available": {"count": 2},
        }


class Paying:
    place = (operations, "lock_for_payment")

    def __init__(self, fan):
        give_points(fan, 1_000)
        held = hold(fan, factories.make_performance(seats=2, price=300), seats=2)
        self.fan = fan
        self.path, self.body = PAYMENTS, {"reservation_id": str(held.id), "method": "POINTS"}

    def made(self):
        assert balance_of(self.fan) == 400
        return Payment.objects.count()


class Charging:
    place = (charging, "_begin")

    def __init__(self, fan):
        self.fan = fan
        self.path, self.body = CHARGES, {"amount": 5_000}

    def made(self):
        assert balance_of(self.fan) == 5_000
        return Charge.objects.count()


routes = pytest.mark.parametrize(
    "route", [Holding, HoldingToTheLimit, HoldingTheBest, Paying, Charging]
)


class Twice:
    """One request sent twice: the first stops before its transaction, and its lease lapses."""

    def __init__(self, monkeypatch, client, asked, *, stops):
        self.key, self.client, self.asked = new_key(), client, asked
        self.stop = Stop(monkeypatch, *asked.place, calls=stops)
        self.first = InBackground(self.send)
        self.stop.await_reached(0)
        Record.objects.update(lease_until=clock.now() - timedelta(seconds=1))

    def send(self):
        return post(self.client(), self.asked.path, self.asked.body, key=self.key)


def caller(as_fan, fan):
    def client():
        found = as_fan(fan)
        found.raise_request_exception = False
        return found

    return client


def late_first(twice):
    """The first goes on when the second has answered."""
    second = twice.send()
    twice.stop.let_go(0)
    return twice.first.outcome(), second


def late_second(twice):
    """The second has looked for an effect, in vain, before the first goes on."""
    second = InBackground(twice.send)
    twice.stop.await_reached(1)
    twice.stop.let_go(0)
    first = twice.first.outcome()
    twice.stop.let_go(1)
    return first, second.outcome()


@routes
@pytest.mark.parametrize(("late", "stops"), [(late_first, 1), (late_second, 2)])
def test_both_executions_answer_with_the_one_effect(as_fan, fan, monkeypatch, route, late, stops):
    asked = route(fan)
    twice = Twice(monkeypatch, caller(as_fan, fan), asked, stops=stops)
    first, second = late(twice)
    assert (first.status_code, second.status_code) == (201, 201), (first.data, second.data)
    assert first.json() == second.json()
    assert asked.made() == 1
    again = twice.send()
    assert (again.status_code, again.json()) == (201, first.json())


@pytest.mark.control
@routes
def test_control_a_refusal_that_is_believed_hides_an_effect_that_stands(
    as_fan, fan, monkeypatch, route
):
    def look_up_once(execute, *, find, resumed, keyed=True):
        return (find() if resumed else None) or execute()

    for module in (placing, methods, charging):
        monkeypatch.setattr(module, "execute_once", look_up_once)
    asked = route(fan)
    twice = Twice(monkeypatch, caller(as_fan, fan), asked, stops=2)
    first, second = late_second(twice)
    assert first.status_code == 201
    assert second.status_code in {409, 500}
    assert asked.made() == 1


def test_only_who_has_a_key_looks_for_an_effect(fan, db_ready):
    """A loser without a key costs the gate's call alone; with one, one look at one row."""
    performance = factories.make_performance(seats=2)
    seats = factories.seat_ids(performance, 1)
    place(factories.make_user(), performance, seats)
    for keyed in (False, True):
        with counted_round_trips() as counts, pytest.raises(holds.SeatTaken):
            place(fan, performance, seats, keyed=keyed)
        assert len(counts.sql) == keyed, counts.sql
        assert len(counts.redis) == 1


def test_a_caller_who_must_slow_down_looks_for_nothing(fan, db_ready):
    performance = factories.make_performance(seats=3, holds_per_minute=1)
    seats = factories.seat_ids(performance)
    place(fan, performance, seats[:1])
    with counted_round_trips() as counts, pytest.raises(in_redis.RateLimited):
        place(fan, performance, seats[1:2], keyed=True)
    assert counts.sql == []
