"""Claims that may be wrong are compared by the next tick (Note [Lost writes])."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from proof.usecases import audits
from reservations import policy, queries, tasks
from reservations.claims import lost, recovery, seat_claims
from reservations.usecases import holds
from tests.support import factories, money
from tests.support.holding import place, put_claim

STALE = timedelta(milliseconds=2 * policy.CLAIM_STALE_MS)


@pytest.fixture
def performance(db_ready):
    lost.take()
    return factories.make_performance(seats=4)


def claim_on(performance, seat):
    return seat_claims.find(performance_id=performance.pk, seat_id=seat)


@pytest.fixture
def failing(monkeypatch):
    """Return a context in which the lock server takes no writes."""

    def unavailable(*_, **__):
        raise DependencyUnavailable("redis_lock")

    def fail(patch) -> None:
        patch.setattr(seat_claims.library, "call_all", unavailable)

    return fail


def released_in_vain(fan, performance, failing, monkeypatch):
    """Hold a seat, and give it up while nothing can be written; return the seat."""
    [seat] = factories.seat_ids(performance, 1)
    hold = place(fan, performance, [seat])
    with monkeypatch.context() as patch:
        failing(patch)
        holds.release(reservation_id=hold.id, user_id=fan.pk, now=clock.now())
    assert claim_on(performance, seat).owner == str(hold.id)
    return seat


def test_a_release_that_was_not_written_is_written_by_the_next_tick(
    fan, performance, failing, monkeypatch
):
    seat = released_in_vain(fan, performance, failing, monkeypatch)
    tasks.warm_gate()
    assert claim_on(performance, seat) is None


@pytest.mark.control
def test_control_forgotten_it_would_stay(fan, performance, failing, monkeypatch):
    monkeypatch.setattr(lost, "remember", lambda **_: None)
    seat = released_in_vain(fan, performance, failing, monkeypatch)
    tasks.warm_gate()
    assert claim_on(performance, seat) is not None


def test_a_hold_that_was_not_written_is_written(fan, performance, failing, monkeypatch):
    [seat] = factories.seat_ids(performance, 1)
    with monkeypatch.context() as patch:
        failing(patch)
        hold = place(fan, performance, [seat])
    assert claim_on(performance, seat) is None
    tasks.warm_gate()
    claim = claim_on(performance, seat)
    assert (claim.owner, claim.kind) == (str(hold.id), "held")


def test_a_sale_that_was_not_written_is_written(fan, performance, failing, monkeypatch):
    [seat] = factories.seat_ids(performance, 1)
    money.give_points(fan, 1_000_000)
    hold = place(fan, performance, [seat])
    with monkeypatch.context() as patch:
        failing(patch)
        money.begin(fan, hold.id)
    assert claim_on(performance, seat).kind == "held"
    tasks.warm_gate()
    assert claim_on(performance, seat).kind == "sold"
    assert recovery.write_lost(now=clock.now()) == 0


def test_what_agrees_is_left_alone(fan, performance):
    seats = factories.seat_ids(performance, 3)
    money.give_points(fan, 1_000_000)
    money.begin(fan, place(fan, performance, seats[:1]).id)
    place(fan, performance, seats[1:2])
    lost.remember(performance_id=performance.pk, seat_ids=seats)
    assert recovery.write_lost(now=clock.now()) == 0


def test_while_the_server_takes_nothing_they_are_remembered(fan, performance, failing, monkeypatch):
    seat = released_in_vain(fan, performance, failing, monkeypatch)
    with monkeypatch.context() as patch:
        failing(patch)
        tasks.warm_gate()
    tasks.warm_gate()
    assert claim_on(performance, seat) is None


def test_who_holds_the_seat_meanwhile_keeps_it(fan, performance, failing, monkeypatch):
    seat = released_in_vain(fan, performance, failing, monkeypatch)
    other = place(factories.make_user(), performance, [seat], now=clock.now() + STALE)
    tasks.warm_gate()
    assert claim_on(performance, seat).owner == str(other.id)


def given_up_amid_a_tick(fan, performance, failing, monkeypatch):
    """Lose a hold's claim, and give the hold up while the tick is about to write it."""
    [seat] = factories.seat_ids(performance, 1)
    with monkeypatch.context() as patch:
        failing(patch)
        hold = place(fan, performance, [seat])

    def read_then_given_up(**arguments):
        taken = taken_seats(**arguments)
        holds.release(reservation_id=hold.id, user_id=fan.pk, now=clock.now())
        return taken

    taken_seats = queries.taken_seats
    with monkeypatch.context() as patch:
        patch.setattr(queries, "taken_seats", read_then_given_up)
        recovery.write_lost(now=clock.now())
    assert claim_on(performance, seat).owner == str(hold.id)
    return seat


def test_what_is_given_up_amid_a_tick_is_mended_by_the_next(fan, performance, failing, monkeypatch):
    seat = given_up_amid_a_tick(fan, performance, failing, monkeypatch)
    tasks.warm_gate()
    assert claim_on(performance, seat) is None


@pytest.mark.control
def test_control_compared_once_it_would_stay(fan, performance, failing, monkeypatch):
    seat = given_up_amid_a_tick(fan, performance, failing, monkeypatch)
    lost.take()
    tasks.warm_gate()
    assert claim_on(performance, seat) is not None


def left_by_a_killed_process(performance, lock_redis):
    """Leave a claim that its hold's end never removed; return the seat."""
    [seat] = factories.seat_ids(performance, 1)
    now = clock.now()
    until, confirmed = now + timedelta(minutes=5), now - timedelta(minutes=2)
    put_claim(lock_redis, performance, seat, until=until, confirmed=confirmed)
    return seat


def test_what_the_audit_finds_is_mended_by_the_next_tick(performance, lock_redis):
    seat = left_by_a_killed_process(performance, lock_redis)
    [violation] = audits.watch(now=clock.now()).report.violations
    assert violation.subject == f"seat:{seat}"
    tasks.warm_gate()
    assert claim_on(performance, seat) is None
    assert not audits.watch(now=clock.now()).report.violations


@pytest.mark.control
def test_control_nobody_but_the_audit_has_it_mended(performance, lock_redis):
    seat = left_by_a_killed_process(performance, lock_redis)
    tasks.warm_gate()
    assert claim_on(performance, seat) is not None
