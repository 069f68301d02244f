"""While nobody knows whether money was taken, its seats stay held, up to the hold's cap."""

from datetime import timedelta

import pytest

from kernel import clock
from payments import reconciliation
from payments.models import Payment
from payments.operations import attempts
from reservations.models import Reservation
from reservations.usecases.holds import SeatTaken
from tests.support.factories import make_performance, make_user
from tests.support.gateways import Fault
from tests.support.holding import claim_of, inventory_disagreements, place
from tests.support.money import begin_by_card, confirm, hold
from tickets.models import Ticket

SECOND = timedelta(seconds=1)
CAP = timedelta(seconds=900)


@pytest.fixture
def performance(db_ready):
    return make_performance(seats=4, hold_seconds=60, payment_seconds=60)


@pytest.fixture
def held(fan, performance):
    return hold(fan, performance, seats=1)


def unknown(fan, held, gateway, fault=Fault.HANG):
    begun = begin_by_card(fan, held.id)
    gateway.fail("confirm", fault)
    assert confirm(fan, begun.id).status == "PROCESSING"
    return begun


def ends(held):
    return Reservation.objects.get(pk=held.id).expires_at


def take(held, performance, now):
    return place(make_user(), performance, [held.seats[0].seat_id], now=now)


def look_up_until(held, end):
    """Let the reconciler make every look-up that is due until `end`, each when it is."""
    while True:
        due = Payment.objects.get().resolve_after
        if due is None or due >= end:
            return
        reconciliation.reconcile(now=due)


def test_the_seats_stay_held_while_the_gateway_is_slow(fan, held, performance, gateway):
    begun = begin_by_card(fan, held.id)
    deadline = ends(held)
    gateway.fail("confirm", Fault.HANG)
    confirm(fan, begun.id)
    gateway.fail("find", *[Fault.NOT_SENT] * 4)
    look_up_until(held, deadline)
    for now in (deadline, ends(held) - SECOND):
        with pytest.raises(SeatTaken):
            take(held, performance, now)
    assert inventory_disagreements(deadline) == []
    look_up_until(held, clock.now() + CAP)
    assert Payment.objects.get().status == "PAID"
    assert Ticket.objects.count() == 1


@pytest.mark.control
def test_control_not_prolonged_the_seats_go_to_another(
    fan, held, performance, gateway, monkeypatch
):
    monkeypatch.setattr(attempts.reservations, "prolong", lambda **_: False)
    begin_by_card(fan, held.id)
    deadline = ends(held)
    gateway.fail("confirm", Fault.HANG)
    confirm(fan, Payment.objects.get().pk)
    gateway.fail("find", *[Fault.NOT_SENT] * 4)
    look_up_until(held, deadline)
    assert take(held, performance, deadline).status == "PENDING"


def test_never_past_the_cap_and_then_they_are_free(fan, held, performance, gateway):
    unknown(fan, held, gateway)
    cap = Reservation.objects.get(pk=held.id).extendable_until
    assert cap - clock.now() <= CAP
    gateway.fail("find", *[Fault.NOT_SENT] * 40)
    look_up_until(held, cap + timedelta(hours=2))
    assert ends(held) == cap
    assert take(held, performance, cap).status == "PENDING"


def test_the_claims_learn_the_new_end(fan, held, performance, gateway, lock_redis):
    seat = held.seats[0].seat_id
    before = claim_of(lock_redis, performance, seat)
    unknown(fan, held, gateway)
    assert claim_of(lock_redis, performance, seat) != before
    with pytest.raises(SeatTaken):
        take(held, performance, ends(held) - SECOND)


@pytest.mark.parametrize("fault", [None, Fault.DECLINE])
def test_an_attempt_whose_end_is_known_lengthens_nothing(fan, held, gateway, fault):
    begun = begin_by_card(fan, held.id)
    deadline = ends(held)
    if fault is not None:
        gateway.fail("confirm", fault)
        assert confirm(fan, begun.id).status == "FAILED"
    else:
        reconciliation.reconcile(now=clock.now() + 20 * SECOND)  # nobody has paid yet
    assert ends(held) == deadline


def test_a_hold_that_has_lapsed_is_not_brought_back(fan, held, performance, gateway):
    unknown(fan, held, gateway)
    now = ends(held) + SECOND
    take(held, performance, now)
    gateway.fail("find", Fault.NOT_SENT)
    reconciliation.reconcile(now=now)
    assert Payment.objects.get().status == "UNKNOWN"
    assert ends(held) < now
    assert inventory_disagreements(now) == []
