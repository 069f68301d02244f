"""Giving seats up and holding them again is one hold: Note [First hold] in `reservations`."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.ids import uuid7
from reservations import queries
from reservations.models import SalePolicy
from reservations.queries import FanSeats
from reservations.seating.chooser import Wish
from reservations.usecases import holds
from tests.support import factories, holding
from tests.support.holding import place
from tests.support.money import begin, give_points
from tests.support.round_trips import counted_round_trips

SECOND = timedelta(seconds=1)
HOLD, CAP = 60, 180


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(
        seats=6,
        price=100,
        hold_seconds=HOLD,
        hold_cap_seconds=CAP,
        max_seats_per_fan=6,
        lapses_before_backoff=0,
    )


@pytest.fixture
def seats(performance):
    return factories.seat_ids(performance)


@pytest.fixture
def now():
    return clock.now()


def release(hold, now):
    holds.release(reservation_id=hold.id, user_id=hold.user_id, now=now)


def sweep(hold, now):
    assert holding.sweep(now=hold.expires_at) == 1


def leave(hold, now):
    """Do nothing: it lapses by itself, and is PENDING still."""


@pytest.mark.parametrize("end", [release, sweep, leave])
def test_a_hold_made_again_ends_when_the_first_would_have(fan, performance, seats, now, end):
    first = place(fan, performance, seats[:2], now=now)
    end(first, now + 2 * SECOND)
    again = place(fan, performance, seats[:2], now=now + (HOLD + 1) * SECOND)
    assert again.extendable_until == first.extendable_until
    assert again.expires_at == now + (2 * HOLD + 1) * SECOND


@pytest.mark.control
def test_control_a_cap_that_nobody_remembers_moves_with_every_hold(
    fan, performance, seats, now, monkeypatch
):
    count = queries.holds.seats_of_fans

    def forget(**arguments):
        return [FanSeats(found.held, found.lapsed, None) for found in count(**arguments)]

    monkeypatch.setattr(queries, "seats_of_fans", forget)
    first = place(fan, performance, seats[:2], now=now)
    release(first, now + 2 * SECOND)
    again = place(fan, performance, seats[:2], now=now + 2 * SECOND)
    assert again.extendable_until == first.extendable_until + 2 * SECOND


def test_however_often_it_is_done(fan, performance, seats, now):
    first = hold = place(fan, performance, seats[:1], now=now)
    for second in range(10, CAP, 10):
        release(hold, now + second * SECOND)
        hold = place(fan, performance, seats[:1], now=now + second * SECOND)
        assert hold.extendable_until == first.extendable_until
    assert hold.expires_at == first.extendable_until


def test_one_seat_of_the_first_hold_is_enough(fan, performance, seats, now):
    first = place(fan, performance, seats[:2], now=now)
    release(first, now)
    later = now + 5 * SECOND
    assert place(fan, performance, seats[1:3], now=later).extendable_until == first.extendable_until
    fresh = place(fan, performance, seats[3:5], now=later)
    assert fresh.extendable_until == later + CAP * SECOND


def test_the_first_of_several_earlier_holds_counts(fan, performance, seats, now):
    first = place(fan, performance, seats[:1], now=now)
    second = place(fan, performance, seats[1:2], now=now + 5 * SECOND)
    release(second, now + 6 * SECOND)
    release(first, now + 6 * SECOND)
    again = place(fan, performance, seats[:2], now=now + 7 * SECOND)
    assert again.extendable_until == first.extendable_until


def test_the_best_seats_are_no_way_around_it(fan, performance, seats, now):
    first = place(fan, performance, seats, now=now)
    release(first, now + SECOND)
    again = holds.place_best(
        user_id=fan.pk,
        performance_id=performance.pk,
        wish=Wish(2),
        reservation_id=uuid7(),
        queue_token=None,
        now=now + 2 * SECOND,
    )
    assert again.extendable_until == first.extendable_until


def test_once_the_first_hold_could_run_no_more_the_seats_may_be_held_afresh(
    fan, performance, seats, now
):
    first = place(fan, performance, seats[:1], now=now)
    release(first, now + SECOND)
    later = first.extendable_until
    assert place(fan, performance, seats[:1], now=later).extendable_until == later + CAP * SECOND


def test_others_hold_the_seats_for_their_own_time(fan, performance, seats, now):
    release(place(fan, performance, seats[:1], now=now), now + SECOND)
    other = place(factories.make_user(), performance, seats[:1], now=now + SECOND)
    assert other.extendable_until == now + (CAP + 1) * SECOND


def test_an_extension_and_a_payment_keep_to_the_first_cap(fan, performance, seats, now):
    give_points(fan, 10**6)
    first = place(fan, performance, seats[:1], now=now)
    release(first, now + 100 * SECOND)
    again = place(fan, performance, seats[:1], now=now + 100 * SECOND)
    longer = holds.extend(reservation_id=again.id, user_id=fan.pk, now=now + 110 * SECOND)
    assert longer.expires_at == first.extendable_until
    assert begin(fan, again.id, now=first.extendable_until - SECOND).status == "PAID"


def test_a_cap_made_shorter_by_staff_is_kept_too(fan, performance, seats, now):
    first = place(fan, performance, seats[:1], now=now)
    release(first, now)
    SalePolicy.objects.update(hold_cap_seconds=70)
    queries.forget_sale_terms()
    again = place(fan, performance, seats[:1], now=now)
    assert again.extendable_until == now + 70 * SECOND


def test_holding_again_costs_what_a_hold_costs(fan, performance, seats, now):
    release(place(fan, performance, seats[:2], now=now), now)
    with counted_round_trips() as counts:
        place(fan, performance, seats[:2], now=now + SECOND)
    assert len(counts.sql) == 7, counts.sql


def test_each_fan_of_a_batch_is_judged_by_what_that_fan_has_and_wants(fan, performance, seats, now):
    """One call counts for all of them: nobody meets the seats or caps of the one before."""
    others = [factories.make_user() for _ in range(3)]
    bound = place(fan, performance, seats[:2], now=now)
    release(bound, now)
    lapsed = place(others[0], performance, seats[2:5], now=now)
    live = place(others[1], performance, seats[5:], now=now + SECOND)
    wishes = [
        queries.FanWish(others[2].pk, performance.pk, seats[:2]),
        queries.FanWish(fan.pk, performance.pk, []),
        queries.FanWish(fan.pk, performance.pk, seats[1:3]),
        queries.FanWish(others[0].pk, performance.pk, seats[5:]),
        queries.FanWish(others[1].pk, uuid7(), seats[5:]),
        queries.FanWish(others[1].pk, performance.pk, seats[5:]),
        queries.FanWish(fan.pk, performance.pk, seats[2:4]),
    ]
    assert queries.seats_of_fans(wishes=wishes, now=lapsed.expires_at) == [
        FanSeats(0, (), None),
        FanSeats(0, (), None),
        FanSeats(0, (), bound.extendable_until),
        FanSeats(0, (lapsed.id,), None),
        FanSeats(0, (), None),
        FanSeats(1, (), live.extendable_until),
        FanSeats(0, (), None),
    ]
