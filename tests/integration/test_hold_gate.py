"""The gate in front of the seats: claims that are wrong, late, or can't be had at all."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.redis.clients import breaker
from reservations import locking, operations, queries, seat_changes
from reservations.claims import Claim, Verdict
from reservations.usecases import holds
from reservations.usecases.holds.turns import HoldTurn
from tests.support import factories
from tests.support.database import other_transaction
from tests.support.holding import claim, claim_of, place, put_claim, seats_held_twice, status_of
from tests.support.round_trips import counted_round_trips

SECOND = timedelta(seconds=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=20, hold_seconds=60, hold_cap_seconds=180)


@pytest.fixture
def other(db_ready):
    return factories.make_user()


def test_a_stale_claim_blocks_nobody_for_longer_than_a_second(fan, performance, lock_redis):
    now = clock.now()
    seats = factories.seat_ids(performance, 2)
    put_claim(lock_redis, performance, seats[0], until=now + 300 * SECOND, confirmed=now)
    with pytest.raises(holds.SeatTaken):
        place(fan, performance, seats, now=now + timedelta(milliseconds=900))
    hold = place(fan, performance, seats, now=now + SECOND)
    assert hold.status == "PENDING"
    assert str(hold.id).encode() in claim_of(lock_redis, performance, seats[0])


def at_the_limit(fan, performance, seats, now):
    place(fan, performance, factories.seat_ids(performance)[-4:], now=now)  # all one may have
    return holds.SeatLimitExceeded, seats


def with_no_seat_among_them(fan, performance, seats, now):
    return holds.SeatNotFound, [*seats, uuid7()]


def in_a_halted_sale(fan, performance, seats, now):
    terms = queries.sale_terms(performance.pk)
    with transaction():
        operations.add_halt(performance_id=performance.pk, reason="fire", now=now)
    as_kept = queries.sale._terms._values  # of another process, which has not heard of it
    as_kept[performance.pk] = (float("inf"), terms)
    return holds.SalePaused, seats


OTHER_REASONS = [at_the_limit, with_no_seat_among_them, in_a_halted_sale]


def go_on_selling(performance, now):
    with transaction():
        operations.lift_halts(performance_id=performance.pk, now=now)
    queries.forget_sale_terms()


@pytest.mark.parametrize("obstacle", OTHER_REASONS)
def test_who_fails_for_another_reason_corrects_the_stale_claim(
    fan, other, performance, lock_redis, obstacle
):
    now = clock.now()
    seats = factories.seat_ids(performance, 2)
    place(other, performance, [seats.pop()], now=now)  # so that the terms are known
    reason, wanted = obstacle(fan, performance, seats, now)
    put_claim(lock_redis, performance, seats[0], until=now + 300 * SECOND, confirmed=now)
    with counted_round_trips() as counts, pytest.raises(reason):
        place(fan, performance, wanted, now=now + SECOND)
    assert len(counts.redis) == 2
    assert len(counts.sql) == (4 if reason is holds.SalePaused else 3)  # the rules come last
    go_on_selling(performance, now)
    assert place(other, performance, seats, now=now + SECOND).status == "PENDING"


@pytest.mark.parametrize("obstacle", OTHER_REASONS)
def test_who_fails_for_another_reason_leaves_a_true_claim(
    fan, other, performance, lock_redis, obstacle
):
    now = clock.now()
    seats = factories.seat_ids(performance, 2)
    hold = place(other, performance, seats[:1], now=now)
    put_claim(lock_redis, performance, seats[1], until=now + 300 * SECOND, confirmed=now)
    reason, wanted = obstacle(fan, performance, seats, now)
    with pytest.raises(reason):
        place(fan, performance, wanted, now=now + SECOND)
    assert str(hold.id).encode() in claim_of(lock_redis, performance, seats[0])
    assert claim_of(lock_redis, performance, seats[1]) is None


def test_a_fan_at_the_limit_waits_for_nobody_who_has_the_seat_locked(
    fan, other, performance, lock_redis
):
    now = clock.now()
    seats = factories.seat_ids(performance, 1)
    reason, _ = at_the_limit(fan, performance, seats, now)
    put_claim(lock_redis, performance, seats[0], until=now + 300 * SECOND, confirmed=now)
    with other_transaction() as cursor, pytest.raises(reason):
        cursor.execute(locking._ROWS, [seats])
        place(fan, performance, seats, now=now + SECOND)
    assert place(other, performance, seats, now=now + 2 * SECOND).status == "PENDING"


@pytest.mark.control
def test_control_uncorrected_a_fan_at_the_limit_keeps_a_stale_claim_alive(
    fan, other, performance, lock_redis, monkeypatch
):
    monkeypatch.setattr(HoldTurn, "free_stale_claims", lambda *_: [])
    now = clock.now()
    seats = factories.seat_ids(performance, 1)
    reason, _ = at_the_limit(fan, performance, seats, now)
    put_claim(lock_redis, performance, seats[0], until=now + 300 * SECOND, confirmed=now)
    for second in range(1, 6):
        with pytest.raises(reason):
            place(fan, performance, seats, now=now + second * SECOND)
        with pytest.raises(holds.SeatTaken):
            place(other, performance, seats, now=now + (second + 0.9) * SECOND)


def test_an_old_claim_that_is_true_is_looked_up_once_a_second(fan, other, performance):
    now = clock.now()
    seats = factories.seat_ids(performance, 1)
    place(fan, performance, seats, now=now)
    queries.sale_terms(performance.pk)
    asked = []
    for offset in (1.0, 1.1, 1.9, 2.0):
        with counted_round_trips() as counts, pytest.raises(holds.SeatTaken) as refused:
            place(other, performance, seats, now=now + offset * SECOND)
        assert refused.value.extras["seat_ids"] == seats
        asked.append(bool(counts.sql))
    assert asked == [True, False, False, True]


def test_a_claim_of_a_client_that_died_before_commit_lapses_by_itself(fan, other, performance):
    now = clock.now()
    seats = factories.seat_ids(performance, 1)
    result = claim(other, performance, seats, now=now)
    assert result.verdict is Verdict.CLAIMED
    with pytest.raises(holds.SeatTaken):
        place(fan, performance, seats, now=now)
    place(fan, performance, seats, now=now + SECOND)


def test_a_paused_caller_can_not_undo_a_later_claim(fan, other, performance, lock_redis):
    now = clock.now()
    seats = factories.seat_ids(performance, 1)
    early = place(fan, performance, seats, now=now)
    late = place(other, performance, seats, now=early.expires_at)

    def publish(claim):
        seat_changes.publish(
            performance_id=performance.pk, claims=[claim], writer=early.id, now=early.expires_at
        )

    for until in (None, early.expires_at, early.expires_at + 60 * SECOND):
        publish(Claim(seats[0], early.id, fan.pk, until))
    publish(Claim(seats[0], None))
    assert str(late.id).encode() in claim_of(lock_redis, performance, seats[0])


def test_a_failed_attempt_frees_its_claim(fan, other, performance, lock_redis):
    seats = factories.seat_ids(performance, 2)
    place(fan, performance, seats[:1])
    lock_redis.flushall()
    with pytest.raises(holds.SeatTaken):
        place(other, performance, seats)
    assert claim_of(lock_redis, performance, seats[1]) is None
    # What PostgreSQL said is known to the gate again.
    with counted_round_trips() as counts, pytest.raises(holds.SeatTaken):
        place(other, performance, seats[:1])
    assert counts.sql == []


def test_with_the_lock_server_away_postgresql_decides_alone(fan, other, performance, parts):
    seats = factories.seat_ids(performance, 2)
    server = parts.part("lock")
    server.stop()
    try:
        first = place(fan, performance, seats)
        with pytest.raises(holds.SeatTaken) as refused:
            place(other, performance, seats)
        assert refused.value.extras["seat_ids"] == seats
        with pytest.raises(holds.SeatTaken):
            place(other, performance, seats)
        assert breaker("lock").is_open
        holds.release(reservation_id=first.id, user_id=fan.pk, now=clock.now())
        second = place(other, performance, seats)
    finally:
        server.start()
    breaker("lock").reset()
    assert seats_held_twice(clock.now()) == []
    with pytest.raises(holds.SeatTaken) as refused:
        place(fan, performance, seats)
    assert refused.value.extras["seat_ids"] == seats
    assert status_of(second) == "PENDING"


def test_a_frozen_lock_server_slows_holds_and_stops_none(fan, other, performance, parts):
    seats = factories.seat_ids(performance, 2)
    place(fan, performance, seats[:1])  # connections to it are open
    server = parts.part("lock")
    server.pause()
    try:
        place(fan, performance, seats[1:])
        with pytest.raises(holds.SeatTaken) as refused:
            place(other, performance, seats)
        assert refused.value.extras["seat_ids"] == seats
        assert breaker("lock").is_open
    finally:
        server.resume()
        breaker("lock").reset()
    assert seats_held_twice(clock.now()) == []
