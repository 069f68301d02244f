"""An account that is deleted while its fan takes seats: one of the two is refused."""

from importlib import import_module

import pytest

from accounts import own_account
from accounts.errors import AccountClosed
from accounts.models import User
from kernel import clock
from kernel.ids import uuid7
from kernel.money import Money
from payments.models import Charge
from payments.usecases import charging
from personal.usecases import account
from reservations import locking
from reservations.locking import LockedFan
from reservations.models import Reservation
from reservations.usecases import holds
from tests.support import factories
from tests.support.concurrency import at_once
from tests.support.holding import place, wanted
from tests.support.interleaving import InBackground, Stop, await_a_waiting_session

charging_step = import_module("payments.usecases.charging.charge")


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=40, price=1000, lapses_before_backoff=0)


@pytest.fixture(autouse=True)
def recent(monkeypatch):
    monkeypatch.setattr(own_account, "is_recent", lambda **_: True)


def delete(fan):
    account.delete(user_id=fan.pk, session_id="", now=clock.now())


def orphans():
    """Live holds of closed accounts."""
    pending = Reservation.objects.filter(status="PENDING", expires_at__gt=clock.now())
    return pending.filter(user__closed_at__isnull=False).count()


@pytest.mark.parametrize("batch", [False, True])
def test_a_hold_of_the_same_moment_is_seen_or_refused(performance, batch):
    seats = factories.seat_ids(performance)
    outcomes = []
    for number in range(10):
        fan, other = factories.make_user(), factories.make_user()
        mine, others = seats[4 * number : 4 * number + 1], seats[4 * number + 2 : 4 * number + 3]

        def hold(fan=fan, other=other, mine=mine, others=others):
            if not batch:
                return place(fan, performance, mine, now=clock.now())
            requests = [wanted(fan, performance, mine), wanted(other, performance, others)]
            return holds.place_many(requests, now=clock.now())[0]

        held, gone = at_once([hold, lambda fan=fan: delete(fan)])
        is_held = not isinstance(held, Exception)
        assert is_held or isinstance(held, AccountClosed), held
        assert isinstance(gone, account.AccountInUse) == is_held
        outcomes.append(is_held)
    assert orphans() == 0


def hold_while_deleting(performance, monkeypatch):
    """Let a fan hold a seat between the look for holds and the end of the deletion."""
    fan = factories.make_user()
    seat = factories.seat_ids(performance)[:1]
    looked = Stop(monkeypatch, account, "check_unused", after=True)
    deleting = InBackground(lambda: delete(fan))
    looked.await_reached()
    holding = InBackground(lambda: place(fan, performance, seat, now=clock.now()))
    return looked, deleting, holding


def test_a_hold_between_look_and_end_waits_and_is_refused(performance, monkeypatch):
    looked, deleting, holding = hold_while_deleting(performance, monkeypatch)
    await_a_waiting_session()
    looked.let_go()
    deleting.result()
    assert isinstance(holding.outcome(), AccountClosed)
    assert orphans() == 0


@pytest.mark.control
def test_control_without_the_shared_row_a_closed_account_holds_seats(performance, monkeypatch):
    monkeypatch.setattr(locking, "lock_fan", lambda **_: LockedFan())
    looked, deleting, holding = hold_while_deleting(performance, monkeypatch)
    await_a_waiting_session()  # its foreign key waits as well, and then asks nothing
    looked.let_go()
    deleting.result()
    assert holding.result().status == "PENDING"
    assert orphans() == 1


def charge(fan):
    return charging.charge(
        user_id=fan.pk,
        amount=Money(10_000),
        request_key=uuid7().hex * 2,
        resumed=False,
        now=clock.now(),
    )


@pytest.mark.parametrize("guarded", [True, pytest.param(False, marks=pytest.mark.control)])
def test_nobody_pays_into_an_account_that_is_being_closed(db_ready, gateway, monkeypatch, guarded):
    if not guarded:
        monkeypatch.setattr(charging_step, "share_open_account", lambda **_: None)
    fan = factories.make_user()
    looked = Stop(monkeypatch, account, "check_unused", after=True)
    deleting = InBackground(lambda: delete(fan))
    looked.await_reached()
    charged = InBackground(lambda: charge(fan))
    await_a_waiting_session()
    looked.let_go()
    deleting.result()
    assert isinstance(charged.outcome(), AccountClosed) == guarded
    assert Charge.objects.filter(user=fan).exists() != guarded
    assert User.objects.get(pk=fan.pk).closed_at is not None
