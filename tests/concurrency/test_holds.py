"""Many clients at the same seats; every guarantee with the run that lacks its guard."""

import random
import threading
import time
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connection, connections
from psycopg.errors import DeadlockDetected
from psycopg_pool import PoolTimeout

from kernel import clock
from kernel.db.transaction import transaction
from reservations import locking, operations, queries
from reservations.locking import LockedFan
from reservations.models import Reservation
from reservations.usecases import holds
from tests.support import factories, money
from tests.support.concurrency import at_once
from tests.support.database import deadlocks
from tests.support.holding import inventory_disagreements, place, seats_held_twice, sweep
from tests.support.unguarded import without_the_gate

pytestmark = pytest.mark.concurrency

REFUSALS = (holds.SeatTaken, holds.SeatLimitExceeded)


@pytest.fixture
def no_gate(monkeypatch):
    """Let everybody through to PostgreSQL, as with the lock server unavailable."""
    without_the_gate(monkeypatch)


@pytest.mark.parametrize("gate", ["with the gate", "without the gate"])
def test_64_clients_on_overlapping_seats_never_hold_one_twice(db_ready, gate, request):
    if gate == "without the gate":
        request.getfixturevalue("no_gate")
    performance = factories.make_performance(seats=40, max_seats_per_fan=20)
    seats = factories.seat_ids(performance)
    fans = [factories.make_user() for _ in range(64)]
    choose = random.Random(7)
    wanted = [choose.sample(seats, choose.randint(1, 4)) for _ in fans]

    results = at_once(
        [
            lambda fan=fan, choice=choice: place(fan, performance, choice)
            for fan, choice in zip(fans, wanted, strict=True)
        ]
    )

    unexpected = [r for r in results if isinstance(r, Exception) and not isinstance(r, REFUSALS)]
    assert unexpected == []
    won = [r for r in results if not isinstance(r, Exception)]
    assert len(won) >= 10
    assert seats_held_twice(clock.now()) == []
    assert inventory_disagreements(clock.now()) == []


def test_one_seat_has_exactly_one_winner(db_ready):
    performance = factories.make_performance(seats=1)
    [seat] = factories.seat_ids(performance)
    fans = [factories.make_user() for _ in range(64)]
    results = at_once([lambda fan=fan: place(fan, performance, [seat]) for fan in fans])
    assert sum(not isinstance(r, Exception) for r in results) == 1
    assert sum(isinstance(r, holds.SeatTaken) for r in results) == 63


@pytest.mark.control
def test_control_without_row_lock_and_condition_a_seat_is_held_twice(
    db_ready, no_gate, monkeypatch
):
    """Look first, write later: what the lock and the conditional update are there against."""
    monkeypatch.setattr(
        locking,
        "_SEATS_TO_HOLD",
        locking._SEATS_TO_HOLD.replace("FOR NO KEY UPDATE OF inventory", ""),
    )
    both_have_looked = threading.Barrier(2)

    def take_what_was_free_when_looked(*, holds, now):
        both_have_looked.wait(timeout=10)
        [hold] = holds
        seat_ids = [seat.seat_id for seat in hold.seats]
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE reservations_seatinventory SET status = 'TEMPORARILY_RESERVED',"
                " reservation_id = %s, held_until = %s WHERE seat_id = ANY(%s::uuid[])",
                [hold.reservation.pk, hold.reservation.expires_at, seat_ids],
            )
            return cursor.rowcount

    monkeypatch.setattr(operations, "take_seats", take_what_was_free_when_looked)
    performance = factories.make_performance(seats=1)
    [seat] = factories.seat_ids(performance)
    fans = [factories.make_user() for _ in range(2)]
    at_once([lambda fan=fan: place(fan, performance, [seat]) for fan in fans])
    assert seats_held_twice(clock.now()) == [(seat, 2)]


@pytest.mark.parametrize("guarded", [True, pytest.param(False, marks=pytest.mark.control)])
def test_a_fan_never_passes_the_limit_by_asking_at_once(fan, monkeypatch, guarded):
    performance = factories.make_performance(seats=20, max_seats_per_fan=4)
    seats = factories.seat_ids(performance)
    if not guarded:  # everybody counts before anybody writes
        counted = threading.Barrier(4)
        count = queries.seats_of_fans

        def count_and_wait(**arguments):
            held = count(**arguments)
            counted.wait(timeout=10)
            return held

        monkeypatch.setattr(queries, "seats_of_fans", count_and_wait)
        monkeypatch.setattr(locking, "lock_fan", lambda **_: LockedFan())

    results = at_once(
        [
            lambda pair=pair: place(fan, performance, pair)
            for pair in (seats[2 * i : 2 * i + 2] for i in range(4))
        ]
    )

    held = sum(len(r.seats) for r in results if not isinstance(r, Exception))
    assert (held == 4) if guarded else (held > 4)
    if guarded:
        assert sum(isinstance(r, holds.SeatLimitExceeded) for r in results) == 2


@contextmanager
def no_connection_left():
    """Let one request wait for a connection in vain: the pool has fewer than there are clients."""
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.__cause__, PoolTimeout):
            raise
    finally:
        connections.close_all()  # as after each request


class Client:
    """A client that places, takes over, releases and pays at random until stopped."""

    def __init__(self, fan, performance, seats, seed, until):
        self.fan, self.performance, self.seats, self.until = fan, performance, seats, until
        self.choose = random.Random(seed)
        self.pays_first = seed % 4 == 0  # on a busy machine too, somebody has paid
        self.done = dict.fromkeys(("held", "taken", "released", "paid", "late"), 0)

    def run(self):
        while time.monotonic() < self.until:
            with no_connection_left():
                self.once()
        return self.done

    def once(self):
        choice = self.choose.sample(self.seats, self.choose.randint(1, 4))
        try:
            hold = place(self.fan, self.performance, choice)
        except REFUSALS:
            self.done["taken"] += 1
        else:
            self.done["held"] += 1
            self.go_on_with(hold)

    def go_on_with(self, hold):
        chance = self.choose.random()
        try:
            if self.pays_first and not self.done["paid"]:
                money.begin(self.fan, hold.id)
                self.done["paid"] += 1
            elif chance < 0.45:
                holds.release(reservation_id=hold.id, user_id=self.fan.pk, now=clock.now())
                self.done["released"] += 1
            elif chance < 0.48:
                money.begin(self.fan, hold.id)
                self.done["paid"] += 1
            elif chance < 0.55:  # exactly when it lapses
                money.begin(self.fan, hold.id, now=hold.expires_at)
        except (operations.ReservationExpired, operations.ReservationNotPayable):
            self.done["late"] += 1


def test_16_clients_place_pay_release_and_take_over_without_a_deadlock(db_ready):
    performance = factories.make_performance(
        seats=50,
        hold_seconds=1,
        hold_cap_seconds=2,
        max_seats_per_fan=20,
        price=10,
        lapses_before_backoff=0,
    )
    seats = factories.seat_ids(performance)
    fans = [factories.make_user() for _ in range(16)]
    for fan in fans:
        money.give_points(fan, 1_000_000)
    before = deadlocks()
    until = time.monotonic() + 5
    clients = [Client(fan, performance, seats, seed, until) for seed, fan in enumerate(fans)]
    stop = threading.Event()

    def sweep():
        while not stop.wait(0.05) and time.monotonic() < until:
            with no_connection_left():
                holds.expire_lapsed(now=clock.now())

    results = at_once([*(client.run for client in clients), sweep])
    stop.set()

    assert [r for r in results if isinstance(r, Exception)] == []
    totals = {key: sum(client.done[key] for client in clients) for key in clients[0].done}
    assert min(totals["held"], totals["released"], totals["paid"], totals["taken"]) > 0, totals
    assert Reservation.objects.filter(status="EXPIRED").exists()
    assert deadlocks() == before
    now = clock.now()
    assert seats_held_twice(now) == []
    assert inventory_disagreements(now) == []


@pytest.mark.parametrize("_run", range(10))
def test_take_over_and_release_of_the_same_lapsed_hold_pass_each_other(db_ready, _run):
    performance, hold, seats = a_hold_of_two_seats()
    late = hold.expires_at
    rival = factories.make_user()
    results = at_once(
        [
            lambda: place(rival, performance, seats[1:], now=late),
            lambda: holds.release(reservation_id=hold.id, user_id=hold.user_id, now=late),
            lambda: sweep(now=late),
        ]
    )
    assert [r for r in results if isinstance(r, Exception)] == []
    assert inventory_disagreements(late) == []


@pytest.mark.control
def test_control_reservation_first_and_seats_second_deadlocks(db_ready, monkeypatch):
    """The other order of Note [Lock order], against the take-over of a lapsed hold."""
    performance, hold, seats = a_hold_of_two_seats()
    late = hold.expires_at
    each_has_its_first_lock = threading.Barrier(2)
    lock = locking.lock_seats

    def lock_and_wait(**arguments):
        rows = lock(**arguments)
        each_has_its_first_lock.wait(timeout=10)
        return rows

    monkeypatch.setattr(locking, "lock_seats", lock_and_wait)

    def release_in_the_wrong_order():
        with transaction():
            locking._lock_rows_of([hold.id], skip_locked=False)
            each_has_its_first_lock.wait(timeout=10)
            locking.lock_rows(seat_ids=seats)

    rival = factories.make_user()
    results = at_once(
        [
            lambda: place(rival, performance, seats, now=late),
            release_in_the_wrong_order,
        ]
    )
    [error] = [r for r in results if isinstance(r, Exception)]
    assert isinstance(error, OperationalError)
    assert isinstance(error.__cause__, DeadlockDetected)


def a_hold_of_two_seats():
    performance = factories.make_performance(seats=2)
    seats = sorted(factories.seat_ids(performance))
    return performance, place(factories.make_user(), performance, seats), seats
