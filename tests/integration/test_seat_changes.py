"""Every change of a seat reaches both of its copies (Note [Copies of a seat])."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.redis.clients import client
from reservations import policy, queries, seat_changes
from reservations.claims import seat_claims
from reservations.seating.chooser import Wish
from reservations.seating.snapshot import snapshots
from reservations.usecases import holds, inventory
from tests.support import factories, money
from tests.support.holding import place, place_best, sweep

SECOND = timedelta(seconds=1)


@pytest.fixture
def performance(db_ready, monkeypatch):
    """A performance whose snapshot this process never reads again by itself."""
    monkeypatch.setattr(policy, "SNAPSHOT_SECONDS", 1_000_000)
    monkeypatch.setattr(policy, "SNAPSHOT_DOUBT_SECONDS", 1_000_000)
    performance = factories.make_performance(seats=8, hold_seconds=60, max_seats_per_fan=4)
    snapshots.refresh(performance_id=performance.pk, now=clock.now())
    return performance


@pytest.fixture
def seats(performance):
    return factories.seat_ids(performance)


def held(fan, performance, seats, now):
    place(fan, performance, seats[:2], now=now)


def held_by_choice_of_the_product(fan, performance, seats, now):
    place_best(fan, performance, 2, now=now)


def extended(fan, performance, seats, now):
    hold = place(fan, performance, seats[:2], now=now - 30 * SECOND)
    holds.extend(reservation_id=hold.id, user_id=fan.pk, now=now)


def given_up(fan, performance, seats, now):
    hold = place(fan, performance, seats[:2], now=now)
    holds.release(reservation_id=hold.id, user_id=fan.pk, now=now)


def given_up_after_another_took_one(fan, performance, seats, now):
    hold = place(fan, performance, seats[:2], now=now - 61 * SECOND)
    place(factories.make_user(), performance, seats[:1], now=now)
    holds.release(reservation_id=hold.id, user_id=fan.pk, now=now)


def sold(fan, performance, seats, now):
    money.give_points(fan, 1_000_000)
    money.begin(fan, place(fan, performance, seats[:2], now=now).id, now=now)


def swept(fan, performance, seats, now):
    place(fan, performance, seats[:2], now=now - 61 * SECOND)
    sweep(now=now)


def taken_over_in_part(fan, performance, seats, now):
    """The other seat of the lapsed hold is freed by the hold that takes the first one over."""
    place(fan, performance, seats[:2], now=now - 61 * SECOND)
    place(factories.make_user(), performance, seats[:1], now=now)


def given_up_after_another_let_one_lapse(fan, performance, seats, now):
    """Nobody has the second fan's seat any more, and no sweep has come by yet."""
    mine = place(fan, performance, seats[:2], now=now - 150 * SECOND)
    place(factories.make_user(), performance, seats[:1], now=now - 61 * SECOND)
    holds.release(reservation_id=mine.id, user_id=fan.pk, now=now)


def blocked(fan, performance, seats, now):
    inventory.block(seat_ids=seats[:2], reason="camera", actor_id=None, now=now)


def blocked_out_of_a_lapsed_hold(fan, performance, seats, now):
    place(fan, performance, seats[:2], now=now - 61 * SECOND)
    inventory.block(seat_ids=seats[:1], reason="camera", actor_id=None, now=now)


def unblocked(fan, performance, seats, now):
    blocked(fan, performance, seats, now)
    inventory.unblock(seat_ids=seats[:2], reason="done", actor_id=None, now=now)


def refused_by_the_gate(fan, performance, seats, now):
    held(factories.make_user(), performance, seats, now)
    with pytest.raises(holds.SeatTaken):
        place(fan, performance, seats[1:3], now=now)


def refused_by_the_database(fan, performance, seats, now):
    held(factories.make_user(), performance, seats, now)
    client("lock").flushall()  # every loser reaches PostgreSQL
    with pytest.raises(holds.SeatTaken):
        place(fan, performance, seats[:3], now=now)


def refused_for_another_reason(fan, performance, seats, now):
    place(fan, performance, seats[4:], now=now)  # all one may have
    with pytest.raises(holds.SeatLimitExceeded):
        place_best(fan, performance, 2, now=now)


DEEDS = [
    held,
    held_by_choice_of_the_product,
    extended,
    given_up,
    given_up_after_another_took_one,
    given_up_after_another_let_one_lapse,
    sold,
    swept,
    taken_over_in_part,
    blocked,
    blocked_out_of_a_lapsed_hold,
    unblocked,
    refused_by_the_gate,
    refused_by_the_database,
    refused_for_another_reason,
]


def free_seats(performance, now):
    """Return the seats that are free: for PostgreSQL, by the claims, and by the snapshot."""
    seat_ids = factories.seat_ids(performance)
    statuses = queries.availability(performance_id=performance.pk, now=now).statuses
    for_postgresql = {
        seat_id for seat_id, letter in zip(seat_ids, statuses, strict=True) if letter == "A"
    }
    by_the_claims = set()
    for seat_id in seat_ids:
        claim = seat_claims.find(performance_id=performance.pk, seat_id=seat_id)
        if claim is None or claim.until <= now:
            by_the_claims.add(seat_id)
    known = snapshots._snapshots[performance.pk]
    letters = zip(known.plan.seat_ids, known.letters.decode(), strict=True)
    by_the_snapshot = {seat_id for seat_id, letter in letters if letter == "A"}
    assert known.proposed == set()
    return for_postgresql, by_the_claims, by_the_snapshot


@pytest.mark.parametrize("deed", DEEDS)
def test_claims_and_snapshot_know_every_change(fan, performance, seats, deed):
    now = clock.now()
    deed(fan, performance, seats, now)
    for_postgresql, by_the_claims, by_the_snapshot = free_seats(performance, now)
    assert by_the_claims == for_postgresql
    assert by_the_snapshot == for_postgresql


CHANGING = [held, given_up, sold, swept, blocked, unblocked]


@pytest.mark.control
@pytest.mark.parametrize("deed", CHANGING)
def test_control_a_snapshot_that_misses_a_change_is_noticed(
    fan, performance, seats, monkeypatch, deed
):
    known = snapshots._snapshots[performance.pk]
    known.mark(range(4), b"T" if deed in {given_up, swept, unblocked} else b"A")
    monkeypatch.setattr(snapshots, "update", lambda **_: None)
    now = clock.now()
    deed(fan, performance, seats, now)
    for_postgresql, _, by_the_snapshot = free_seats(performance, now)
    assert by_the_snapshot != for_postgresql


@pytest.mark.control
@pytest.mark.parametrize("deed", [held, sold, blocked])
def test_control_claims_that_miss_a_change_are_noticed(fan, performance, seats, monkeypatch, deed):
    monkeypatch.setattr(seat_claims, "write_many", lambda **_: True)
    now = clock.now()
    deed(fan, performance, seats, now)
    later = now + 2 * SECOND  # what the attempt claimed for its transaction is over
    for_postgresql, by_the_claims, _ = free_seats(performance, later)
    assert by_the_claims != for_postgresql


def test_an_attempt_that_breaks_gives_its_proposal_back(fan, performance, monkeypatch):
    def broken(**_):
        raise RuntimeError("a defect")

    now = clock.now()
    with monkeypatch.context() as patch:
        patch.setattr(seat_claims, "claim_many", broken)
        with pytest.raises(RuntimeError):
            place_best(fan, performance, 2, now=now)
    _, _, by_the_snapshot = free_seats(performance, now)
    assert len(by_the_snapshot) == 8


def test_nobody_is_offered_what_a_rival_is_being_offered(fan, performance):
    now = clock.now()
    wish = Wish(2)
    first = snapshots.propose(performance_id=performance.pk, wish=wish, now=now)
    second = snapshots.propose(performance_id=performance.pk, wish=wish, now=now)
    assert not set(first) & set(second)
    snapshots.end_proposal(performance_id=performance.pk, seat_ids=first)
    assert snapshots.propose(performance_id=performance.pk, wish=wish, now=now) == first


def test_a_seat_that_was_decided_meanwhile_is_not_given_back(performance, seats):
    now = clock.now()
    proposed = snapshots.propose(performance_id=performance.pk, wish=Wish(2), now=now)
    seat_changes.learn_from_claims(performance_id=performance.pk, taken=proposed[:1])
    snapshots.end_proposal(performance_id=performance.pk, seat_ids=proposed)
    known = snapshots._snapshots[performance.pk]
    letters = dict(zip(known.plan.seat_ids, known.letters.decode(), strict=True))
    assert [letters[seat] for seat in proposed] == ["T", "A"]
