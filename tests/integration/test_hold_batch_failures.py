"""What goes wrong with one hold of a batch, or with the batch, hurts only whom it concerns."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection

from kernel import clock
from kernel.ids import uuid7
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import client
from kernel.redis.functions import FunctionLibrary
from reservations import locking, operations, policy, queries, seat_changes
from reservations.models import Reservation
from reservations.usecases import holds
from reservations.usecases.holds import batches, place_at_once, place_many
from reservations.usecases.holds import transaction as step
from tests.support import factories
from tests.support.database import other_transaction
from tests.support.holding import (
    claim_of,
    inventory_disagreements,
    place,
    wanted,
)
from tests.support.interleaving import InBackground, await_a_waiting_session

SECOND = timedelta(seconds=1)
FANS = 8


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=130, hold_seconds=60, hold_cap_seconds=180)


@pytest.fixture
def seats(performance):
    return factories.seat_ids(performance)


@pytest.fixture
def requests(performance, seats):
    """Eight fans who want a seat each."""
    return [wanted(factories.make_user(), performance, [seat]) for seat in seats[:FANS]]


def row_of_the_seat(request, cursor):
    cursor.execute(locking._ROWS, [list(request.seat_ids)])


def lock_of_the_fan(request, cursor):
    key = locking.lock_key(locking._FAN, request.user_id, request.performance_id)
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def lapsed_hold_of_the_seat(request, cursor):
    cursor.execute(
        "SELECT FROM reservations_reservation WHERE id = (SELECT reservation_id"
        " FROM reservations_seatinventory WHERE seat_id = %s) FOR NO KEY UPDATE",
        [request.seat_ids[0]],
    )


def lapsed_hold_of_the_fan(request, cursor):
    cursor.execute(
        "SELECT FROM reservations_reservation WHERE user_id = %s FOR NO KEY UPDATE",
        [request.user_id],
    )


LOCKS = [row_of_the_seat, lock_of_the_fan, lapsed_hold_of_the_seat, lapsed_hold_of_the_fan]


def with_lapsed_holds(performance, seats, requests, now):
    """Let one seat of the batch, and one of its fans, have a lapsed hold; return the moment."""
    place(factories.make_user(), performance, requests[3].seat_ids, now=now)
    return place(requests[3].user_id, performance, seats[100:101], now=now).expires_at


@pytest.mark.parametrize("lock", LOCKS)
def test_who_meets_a_lock_lets_nobody_wait(performance, seats, requests, lock):
    now = with_lapsed_holds(performance, seats, requests, clock.now())
    with other_transaction() as cursor:
        lock(requests[3], cursor)
        decisions = place_at_once(requests, now=now)
    others = decisions[:3] + decisions[4:]
    assert [made.status for made in others] == ["PENDING"] * (FANS - 1)
    assert isinstance(decisions[3], holds.Placement)
    assert decisions[3].decide().status == "PENDING"
    assert inventory_disagreements(now) == []
    assert not Reservation.objects.filter(status="PENDING", expires_at__lte=now).exists()


@pytest.mark.parametrize("lock", LOCKS)
def test_who_met_a_lock_waits_for_it_alone(performance, seats, requests, lock):
    now = with_lapsed_holds(performance, seats, requests, clock.now())
    with other_transaction() as cursor:
        lock(requests[3], cursor)
        placing = InBackground(lambda: place_many(requests, now=now))
        await_a_waiting_session()
        assert Reservation.objects.filter(status="PENDING").count() >= FANS - 1  # committed
    assert [made.status for made in placing.result()] == ["PENDING"] * FANS
    assert not Reservation.objects.filter(status="PENDING", expires_at__lte=now).exists()


@pytest.mark.control
def test_control_a_batch_that_waits_lets_everybody_wait(performance, requests, monkeypatch):
    monkeypatch.setattr(locking, "_SEATS_TO_HOLD_SKIPPING", locking._SEATS_TO_HOLD)
    with other_transaction() as cursor:
        row_of_the_seat(requests[3], cursor)
        placing = InBackground(lambda: place_at_once(requests, now=clock.now()))
        await_a_waiting_session()
        assert not Reservation.objects.exists()
    placing.result()


def nobody_known(request):
    return {"user_id": uuid7()}  # the foreign key says so when the batch commits


def no_seat(request):
    return {"seat_ids": [uuid7()]}


def no_uuid(request):
    return {"user_id": "'"}


def no_list(request):
    return {"seat_ids": [None]}


def an_id_in_use(request):
    return {"reservation_id": Reservation.objects.get().pk}


@pytest.mark.parametrize(
    ("poison", "error"),
    [
        (nobody_known, holds.AccountClosed),
        (an_id_in_use, IntegrityError),
        (no_seat, holds.SeatNotFound),
        (no_uuid, DatabaseError),
        (no_list, Exception),
    ],
)
@pytest.mark.parametrize("place_in_batch", [0, 40, 63])
def test_a_poisoned_request_fails_alone(performance, seats, poison, error, place_in_batch):
    place(factories.make_user(), performance, seats[-1:])
    requests = [wanted(factories.make_user(), performance, [seat]) for seat in seats[:64]]
    poisoned = requests[place_in_batch]
    for name, value in poison(poisoned).items():
        object.__setattr__(poisoned, name, value)
    outcomes = place_many(requests, now=clock.now())
    assert isinstance(outcomes.pop(place_in_batch), error)
    assert [getattr(made, "status", made) for made in outcomes] == ["PENDING"] * 63
    assert inventory_disagreements(clock.now()) == []


def test_a_claim_that_fails_fails_alone(performance, seats, requests):
    """A key of another kind, as no code of ours leaves it."""
    client("lock").sadd(f"fr:l:{{{performance.pk}}}:lapses:{requests[2].user_id}", "x")
    outcomes = place_many(requests, now=clock.now())
    assert "WRONGTYPE" in str(outcomes.pop(2))
    assert [made.status for made in outcomes] == ["PENDING"] * (FANS - 1)


STEPS = [
    (locking, "try_lock_fans"),
    (queries, "seats_of_fans"),
    (locking, "lock_seats"),
    (queries, "rules_in_force"),
    (operations, "take_seats"),
    (operations, "write_holds"),
    (step, "record"),
]
ERRORS = {
    "40P01": "a deadlock",
    "55P03": "a lock time-out",
    "57014": "a statement time-out",
    "22012": "a statement error",
    "23505": "an integrity error",
}


def fail_once(monkeypatch, module, name, code):
    """Let the server fail the statement of a step, the first time that it is taken."""
    original, failures = getattr(module, name), iter([code])

    def failing(*args, **kwargs):
        for sqlstate in failures:
            with connection.cursor() as cursor:
                cursor.execute(f"DO $$ BEGIN RAISE SQLSTATE '{sqlstate}'; END $$")
        return original(*args, **kwargs)

    monkeypatch.setattr(module, name, failing)


@pytest.mark.parametrize(("module", "name"), STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize("code", ERRORS)
def test_after_an_error_of_the_database_each_goes_alone(
    performance, requests, monkeypatch, module, name, code
):
    fail_once(monkeypatch, module, name, code)
    decisions = place_at_once(requests, now=clock.now())
    assert all(isinstance(decision, holds.Placement) for decision in decisions)
    assert not Reservation.objects.exists()
    assert [one.decide().status for one in decisions] == ["PENDING"] * FANS
    assert inventory_disagreements(clock.now()) == []


@pytest.mark.control
def test_control_a_batch_that_does_not_try_again_fails_them_all(performance, requests, monkeypatch):
    monkeypatch.setattr(batches, "is_unavailable", lambda _: True)
    fail_once(monkeypatch, operations, "take_seats", "40P01")
    outcomes = place_many(requests, now=clock.now())
    assert all(isinstance(outcome, OperationalError) for outcome in outcomes)


def test_a_defect_in_the_batch_is_each_ones_own_affair(performance, requests, monkeypatch):
    check, broken = step.check_open, iter([True])

    def break_once(*args, **kwargs):
        if next(broken, False):
            raise RuntimeError("a defect")
        return check(*args, **kwargs)

    monkeypatch.setattr(step, "check_open", break_once)
    outcomes = place_many(requests, now=clock.now())
    assert [made.status for made in outcomes] == ["PENDING"] * FANS


def test_when_the_connection_is_lost_nobody_tries_again(
    performance, seats, requests, lock_redis, monkeypatch
):
    """The commit may have been reached: who tried again might meet his own hold."""
    fail_once(monkeypatch, operations, "write_holds", "57P01")
    outcomes = place_many(requests, now=clock.now())
    assert all(isinstance(outcome, DatabaseError) for outcome in outcomes)
    assert not Reservation.objects.exists()
    assert [claim_of(lock_redis, performance, seat) for seat in seats[:FANS]] == [None] * FANS


class Killed(BaseException):
    """The process ends here."""


def test_a_batch_that_is_killed_before_its_commit_leaves_claims_for_a_second(
    performance, seats, requests, monkeypatch
):
    now = clock.now()

    def die(**_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(step, "record", die)
        with pytest.raises(Killed):
            place_many(requests, now=now)
    other = [wanted(factories.make_user(), performance, [seat]) for seat in seats[:FANS]]
    refused = place_many(other, now=now)
    assert all(isinstance(outcome, holds.SeatTaken) for outcome in refused)
    after = now + timedelta(milliseconds=policy.CLAIM_MS)
    assert [made.status for made in place_many(other, now=after)] == ["PENDING"] * FANS


def test_a_batch_that_is_killed_after_its_commit_has_held_the_seats(
    performance, seats, requests, monkeypatch
):
    now = clock.now()

    def die(**_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(seat_changes, "publish_many", die)
        with pytest.raises(Killed):
            place_many(requests, now=now)
    other = [wanted(factories.make_user(), performance, [seat]) for seat in seats[:FANS]]
    for late in (now, now + 2 * SECOND):
        refused = place_many(other, now=late)
        assert all(isinstance(outcome, holds.SeatTaken) for outcome in refused)
    assert Reservation.objects.filter(status="PENDING").count() == FANS


def test_a_lock_server_lost_in_mid_batch_stops_nobody(performance, requests, monkeypatch):
    call, calls = FunctionLibrary.call_all, iter([False])

    def lost_after_the_claims(self, function, *, calls_left=calls, **options):
        if next(calls_left, True):
            raise DependencyUnavailable("redis_lock")
        return call(self, function, **options)

    monkeypatch.setattr(FunctionLibrary, "call_all", lost_after_the_claims)
    outcomes = place_many(requests, now=clock.now())
    assert [made.status for made in outcomes] == ["PENDING"] * FANS
