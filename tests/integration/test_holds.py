"""Holds against real PostgreSQL and Valkey: deadlines, take-over, release, budgets."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import OutboxEvent
from kernel import clock
from kernel.clock import to_ms
from kernel.db.transaction import TransactionRequired, transaction
from kernel.ids import uuid7
from reservations import operations, queries
from reservations.models import SeatInventory
from reservations.usecases import holds, inventory
from tests.support import factories, money
from tests.support.holding import (
    claim_of,
    inventory_disagreements,
    place,
    primary_believes,
    status_of,
    sweep,
)
from tests.support.money import lock_to_pay
from tests.support.round_trips import counted_round_trips

SECOND = timedelta(seconds=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=20, hold_seconds=60, hold_cap_seconds=180)


@pytest.fixture
def other(db_ready):
    return factories.make_user()


def events_of(hold):
    rows = OutboxEvent.objects.filter(aggregate_id=hold.id).order_by("position")
    return [row.type for row in rows]


def test_a_lapsed_hold_is_taken_over_by_the_very_next_request(fan, other, performance):
    now = clock.now()
    seats = factories.seat_ids(performance, 3)
    first = place(fan, performance, seats, now=now)
    second = place(other, performance, seats[:2], now=first.expires_at)
    assert second.status == "PENDING"
    assert status_of(first) == "EXPIRED"
    assert events_of(first) == ["reservation.held", "reservation.expired"]
    left = SeatInventory.objects.get(pk=seats[2])
    assert (left.status, left.reservation_id) == ("AVAILABLE", None)
    assert inventory_disagreements(first.expires_at) == []


def test_a_hold_stands_until_the_last_moment(fan, other, performance):
    seats = factories.seat_ids(performance, 1)
    first = place(fan, performance, seats)
    with pytest.raises(holds.SeatTaken) as refused:
        place(other, performance, seats, now=first.expires_at - timedelta(milliseconds=2))
    assert refused.value.extras == {"seat_ids": seats, "yours": []}


def test_all_or_none(fan, other, performance):
    seats = factories.seat_ids(performance, 4)
    place(fan, performance, seats[:1])
    with pytest.raises(holds.SeatTaken) as refused:
        place(other, performance, seats)
    assert refused.value.extras["seat_ids"] == seats[:1]
    place(other, performance, seats[1:])  # nothing of the failed attempt is left in the way


@pytest.mark.parametrize("gate", ["open", "flushed"])
def test_a_refusal_names_the_callers_own_holds(fan, performance, lock_redis, gate):
    seats = factories.seat_ids(performance, 2)
    first = place(fan, performance, seats[:1])
    if gate == "flushed":
        lock_redis.flushall()
    with pytest.raises(holds.SeatTaken) as refused:
        place(fan, performance, seats)
    assert refused.value.extras == {"seat_ids": seats[:1], "yours": [first.id]}


def test_an_attempt_of_ones_own_that_still_runs_is_no_hold_of_ones_own(
    fan, performance, lock_redis
):
    [seat] = factories.seat_ids(performance, 1)
    now = clock.now()
    until, checked = to_ms(now + timedelta(minutes=1)), to_ms(now)
    lock_redis.set(f"fr:l:{{{performance.pk}}}:{seat}", f"{uuid7()}|{fan.pk}|T|{until}|{checked}")
    with pytest.raises(holds.SeatTaken) as refused:
        place(fan, performance, [seat], now=now)
    assert refused.value.extras == {"seat_ids": [seat], "yours": []}


def test_a_seat_that_one_has_bought_is_no_hold_of_ones_own(fan, performance, lock_redis):
    seats = factories.seat_ids(performance, 1)
    money.give_points(fan, 1_000_000)
    money.begin(fan, place(fan, performance, seats).id)
    lock_redis.flushall()  # PostgreSQL judges
    with pytest.raises(holds.SeatTaken) as refused:
        place(fan, performance, seats)
    assert refused.value.extras == {"seat_ids": seats, "yours": []}


def test_a_loser_is_answered_by_the_gate_without_sql(fan, other, performance):
    seats = factories.seat_ids(performance, 2)
    place(fan, performance, seats)
    queries.sale_terms(performance.pk)
    with counted_round_trips() as counts, pytest.raises(holds.SeatTaken):
        place(other, performance, seats)
    assert counts.sql == []
    assert len(counts.redis) == 1


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("lapsed", [False, True])
def test_a_hold_keeps_its_round_trip_budget(fan, performance, n, lapsed):
    now = clock.now()
    seats = factories.seat_ids(performance, n)
    if lapsed:  # each seat from another reservation
        for seat in seats:
            place(factories.make_user(), performance, [seat], now=now)
        now += timedelta(seconds=61)
    place(factories.make_user(), performance, factories.seat_ids(performance)[-1:], now=now)
    with counted_round_trips() as counts:
        place(fan, performance, seats, now=now)
    assert len(counts.redis) <= 3, counts.redis
    assert len(counts.sql) == (8 if lapsed else 7), counts.sql


def test_cold_terms_cost_one_statement_outside_the_transaction(fan, performance):
    seats = factories.seat_ids(performance, 2)
    place(fan, performance, seats[:1])
    queries.forget_sale_terms()
    with counted_round_trips() as counts:
        place(fan, performance, seats[1:])
    assert len(counts.sql) == 8


def test_the_sweep_expires_lapsed_holds_and_frees_their_seats(fan, performance, lock_redis):
    now = clock.now()
    seats = factories.seat_ids(performance, 4)
    hold = place(fan, performance, seats[:2], now=now)
    live = place(fan, performance, seats[2:3], now=now + 30 * SECOND)
    later = now + 61 * SECOND
    assert sweep(now=now) == 0
    assert sweep(now=later) == 1
    assert sweep(now=later) == 0
    assert (status_of(hold), status_of(live)) == ("EXPIRED", "PENDING")
    assert set(SeatInventory.objects.filter(pk__in=seats[:2]).values_list("status")) == {
        ("AVAILABLE",)
    }
    assert claim_of(lock_redis, performance, seats[0]) is None
    assert events_of(hold) == ["reservation.held", "reservation.expired"]
    assert inventory_disagreements(later) == []


def test_the_sweep_takes_bounded_batches(performance):
    now = clock.now()
    for seat in factories.seat_ids(performance, 5):
        place(factories.make_user(), performance, [seat], now=now)
    later = now + 61 * SECOND
    assert [sweep(limit=2, now=later) for _ in range(4)] == [2, 2, 1, 0]


TEN_MINUTES = timedelta(minutes=10)


def test_the_sweep_of_a_host_whose_clock_is_ahead_ends_no_live_hold(fan, performance):
    hold = place(fan, performance, factories.seat_ids(performance, 1))
    assert holds.expire_lapsed(now=clock.now() + TEN_MINUTES) == 0
    assert status_of(hold) == "PENDING"
    assert inventory_disagreements(clock.now()) == []


def test_the_sweep_of_a_host_whose_clock_is_behind_leaves_holds_to_the_others(fan, performance):
    lapsed = place(
        fan, performance, factories.seat_ids(performance, 1), now=clock.now() - 61 * SECOND
    )
    assert holds.expire_lapsed(now=clock.now() - TEN_MINUTES) == 0
    assert status_of(lapsed) == "PENDING"
    assert holds.expire_lapsed(now=clock.now()) == 1
    assert status_of(lapsed) == "EXPIRED"


@pytest.mark.control
def test_control_a_sweep_that_believes_its_host_ends_live_holds(fan, performance):
    hold = place(fan, performance, factories.seat_ids(performance, 1))
    wrong = clock.now() + TEN_MINUTES
    with primary_believes(wrong):
        assert holds.expire_lapsed(now=wrong) == 1
    assert status_of(hold) == "EXPIRED"


def test_releasing_frees_at_once_and_may_be_repeated(fan, other, performance):
    seats = factories.seat_ids(performance, 2)
    hold = place(fan, performance, seats)
    for _ in range(2):
        holds.release(reservation_id=hold.id, user_id=fan.pk, now=clock.now())
    assert status_of(hold) == "RELEASED"
    assert events_of(hold) == ["reservation.held", "reservation.released"]
    place(other, performance, seats)
    holds.release(reservation_id=hold.id, user_id=fan.pk, now=clock.now())
    assert inventory_disagreements(clock.now()) == []


def test_releasing_a_lapsed_hold_says_expired(fan, performance):
    hold = place(fan, performance, factories.seat_ids(performance, 1))
    holds.release(reservation_id=hold.id, user_id=fan.pk, now=hold.expires_at)
    assert events_of(hold) == ["reservation.held", "reservation.expired"]


def test_a_retry_under_the_same_id_returns_the_hold_that_was_made(fan, performance):
    seats = factories.seat_ids(performance, 2)
    first = place(fan, performance, seats)
    again = place(fan, performance, seats, reservation_id=first.id, resumed=True)
    assert again == queries.find(reservation_id=first.id, user_id=fan.pk, now=clock.now())
    assert (again.id, again.expires_at, again.seats) == (first.id, first.expires_at, first.seats)


def test_seats_can_not_be_confirmed_once_they_lapsed(fan, performance):
    hold = place(fan, performance, factories.seat_ids(performance, 1))
    with transaction(), pytest.raises(operations.ReservationExpired):
        lock_to_pay(hold.id, fan.pk, now=hold.expires_at)


def test_confirming_costs_four_statements_and_sells_for_good(fan, other, performance):
    seats = factories.seat_ids(performance, 4)
    hold = place(fan, performance, seats)
    now = clock.now()
    with transaction(), counted_round_trips() as counts:
        locked = lock_to_pay(hold.id, fan.pk, now=now)
        [event] = operations.confirm(
            confirmations=[operations.Confirmation(locked, payment_id=uuid7())], now=now
        )
    assert len(counts.sql) == 4
    assert event.type == "reservation.confirmed"
    assert inventory_disagreements(hold.expires_at + SECOND) == []
    with pytest.raises(holds.SeatTaken):
        place(other, performance, seats[:1], now=hold.expires_at + SECOND)
    with transaction(), pytest.raises(operations.ReservationNotPayable):
        lock_to_pay(hold.id, fan.pk, now=now)


def test_operations_insist_on_a_transaction(fan, performance):
    hold = place(fan, performance, factories.seat_ids(performance, 1))
    with pytest.raises(TransactionRequired):
        lock_to_pay(hold.id, fan.pk)


def test_a_blocked_seat_is_taken_until_it_is_unblocked(fan, performance):
    seats = factories.seat_ids(performance, 2)
    now = clock.now()
    assert inventory.block(seat_ids=seats, reason="camera", actor_id=None, now=now) == 2
    with pytest.raises(holds.SeatTaken):
        place(fan, performance, seats[:1])
    assert inventory.unblock(seat_ids=seats, reason="", actor_id=None, now=now) == 2
    hold = place(fan, performance, seats)
    with pytest.raises(inventory.SeatsNotFree):
        inventory.block(seat_ids=seats, reason="camera", actor_id=None, now=clock.now())
    assert inventory.block(seat_ids=seats, reason="x", actor_id=None, now=hold.expires_at) == 2
    assert status_of(hold) == "EXPIRED"


def test_availability_is_judged_by_now(fan, performance):
    now = clock.now()
    seats = factories.seat_ids(performance, 4)
    inventory.block(seat_ids=seats[3:], reason="camera", actor_id=None, now=now)
    hold = place(fan, performance, seats[:2], now=now)
    with counted_round_trips() as counts:
        seen = queries.availability(performance_id=performance.pk, now=now)
    assert len(counts.sql) == 1
    assert seen.statuses == "TTAB" + "A" * 16
    assert seen.counts == {
        "available": 17,
        "temporarily_reserved": 2,
        "reserved": 0,
        "blocked": 1,
    }
    later = queries.availability(performance_id=performance.pk, now=hold.expires_at)
    assert later.statuses == "AAAB" + "A" * 16
    [grade] = queries.grade_counts(performance_ids=[performance.pk], now=now)[performance.pk]
    assert (grade.total, grade.available) == (20, 17)


def test_expiring_holds_looks_at_their_months_alone(fan, performance):
    """The ids stand beside each use of the table, or every month would be planned and opened."""
    hold = place(fan, performance, factories.seat_ids(performance, 2))
    with transaction(), CaptureQueriesContext(connection) as captured:
        operations.expire_lapsed(reservation_ids=[hold.id], now=hold.expires_at)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + captured[0]["sql"])
        plan = "\n".join(line for (line,) in cursor.fetchall())
    months = set(re.findall(r"reservations_reservation_p\d{6}", plan))
    assert len(months) == 1, plan
