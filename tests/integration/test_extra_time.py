"""Fans who need more time: the sale policy's longer cap, and no way around either cap."""

from datetime import timedelta

import pytest

from accounts.models import User
from kernel import clock
from kernel.db.advisory import lock_key
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from reservations import locking
from reservations.locking import LockedFan
from reservations.models import SalePolicy
from reservations.usecases import holds
from reservations.usecases.holds.errors import ExtensionLimit
from tests.support import factories
from tests.support.database import other_transaction
from tests.support.holding import place, wanted
from tests.support.round_trips import counted_round_trips

HOLD, CAP, LONGER = 60, 120, 240


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(
        seats=6, hold_seconds=HOLD, hold_cap_seconds=CAP, extra_time_cap_seconds=LONGER
    )


@pytest.fixture
def slow(db_ready):
    return factories.make_user(extra_time=True)


def extended_to_the_end(hold, now):
    """Extend a hold until there is no more time; return how many seconds it got in all."""
    moment = now
    while True:
        try:
            hold = holds.extend(reservation_id=hold.id, user_id=hold.user_id, now=moment)
        except ExtensionLimit:
            return (hold.expires_at - now).total_seconds()
        moment = hold.expires_at - timedelta(seconds=1)


def test_a_fan_who_needs_more_time_extends_to_the_longer_cap(slow, fan, performance):
    now, seats = clock.now(), factories.seat_ids(performance)
    mine = place(slow, performance, seats[:1], now=now)
    theirs = place(fan, performance, seats[2:3], now=now)
    # Both holds begin alike: the longer cap takes no seat out of the sale that nobody asks for.
    assert mine.expires_at == theirs.expires_at
    assert extended_to_the_end(mine, now) == LONGER
    assert extended_to_the_end(theirs, now) == CAP


def test_a_batch_gives_each_fan_the_cap_of_the_account(slow, fan, performance):
    now, seats = clock.now(), factories.seat_ids(performance)
    made = holds.place_many(
        [wanted(slow, performance, seats[:1]), wanted(fan, performance, seats[2:3])], now=now
    )
    assert [(one.extendable_until - now).total_seconds() for one in made] == [LONGER, CAP]


def test_the_longer_cap_is_never_shorter_than_the_one_of_everybody(slow, performance):
    SalePolicy.objects.filter(pk=performance.pk).update(extra_time_cap_seconds=HOLD)
    now = clock.now()
    hold = place(slow, performance, factories.seat_ids(performance)[:1], now=now)
    assert hold.extendable_until == now + timedelta(seconds=CAP)


def test_holding_again_with_the_setting_on_gets_no_more_than_the_first_hold(fan, performance):
    now, seats = clock.now(), factories.seat_ids(performance)
    first = place(fan, performance, seats[:1], now=now)
    holds.release(reservation_id=first.id, user_id=fan.pk, now=now)
    User.objects.filter(pk=fan.pk).update(extra_time=True)
    again = place(fan, performance, seats[:1], now=now + timedelta(seconds=2))
    assert again.extendable_until == first.extendable_until  # Note [First hold]


def test_the_setting_costs_a_hold_no_statement(slow, fan, performance):
    seats = factories.seat_ids(performance)
    place(fan, performance, seats[4:5], now=clock.now())  # warms what is cached
    with counted_round_trips() as theirs:
        place(fan, performance, seats[:1], now=clock.now())
    with counted_round_trips() as mine:
        place(slow, performance, seats[2:3], now=clock.now())
    assert len(mine.sql) == len(theirs.sql)
    assert len(mine.redis) == len(theirs.redis)


def test_an_account_that_is_closed_holds_nothing(fan, performance):
    User.objects.filter(pk=fan.pk).update(is_active=False)
    seats = factories.seat_ids(performance)
    with pytest.raises(holds.AccountClosed):
        place(fan, performance, seats[:1], now=clock.now())
    other = factories.make_user()
    assert place(other, performance, seats[:1], now=clock.now()).status == "PENDING"
    refused, held = holds.place_many(
        [wanted(fan, performance, seats[2:3]), wanted(other, performance, seats[3:4])],
        now=clock.now(),
    )
    assert isinstance(refused, holds.AccountClosed)
    assert held.status == "PENDING"


def test_a_fan_whom_another_transaction_serves_is_left_alone(fan, performance):
    other = factories.make_user()
    fans = [(fan.pk, performance.pk), (other.pk, performance.pk), (uuid7(), performance.pk)]
    with other_transaction() as cursor:
        key = lock_key("reservations.fan", fan.pk, performance.pk)
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        with transaction():
            served, free, nobody = locking.try_lock_fans(fans=fans)
    assert (served, free, nobody) == (None, LockedFan(), None)
