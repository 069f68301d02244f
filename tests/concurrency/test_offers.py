"""Offers of other seats that are answered, that lapse and that are made in the same moment."""

import pytest

from payments import reconciliation
from payments.models import Offer, Payment, Refund
from payments.operations import LockedOffer
from payments.queries import PaymentResult
from payments.usecases.checkout import offers
from payments.usecases.checkout.offers import OfferExpired
from reservations.models import SeatInventory
from reservations.operations import substitutes
from tests.support.cancelling import gateway_agrees, money_behind_tickets, money_kept
from tests.support.concurrency import at_once
from tests.support.factories import make_user, seat_ids
from tests.support.holding import inventory_disagreements, sell_out
from tests.support.money import balance_of, outbox
from tests.support.offering import (
    LASTS,
    POINTS,
    SECOND,
    WEALTH,
    late_money,
    late_money_beside_points,
    make_hall,
)
from tickets.models import Ticket


@pytest.fixture
def performance(db_ready):
    return make_hall()


@pytest.fixture
def late(fan, performance, gateway):
    late = late_money_beside_points(fan, performance, gateway)
    late.settle()
    return late


def heal(late):
    for minutes in range(3):
        reconciliation.reconcile(now=late.now + (minutes + 2) * LASTS)


def ends_once(late, gateway):
    """The money is in seats or back, never both and never neither."""
    heal(late)
    paid = late.payment.status == "PAID"
    assert late.offer.status in ({"ACCEPTED"} if paid else {"DECLINED", "LAPSED"})
    assert Ticket.objects.count() == (2 if paid else 0)
    assert [one.status for one in Refund.objects.all()] == ([] if paid else ["DONE"])
    assert balance_of(late.fan) == WEALTH - (POINTS if paid else 0)
    assert money_behind_tickets() == (money_kept() if paid else 0)
    assert len(outbox("payment.paid")) == int(paid)
    return gateway_agrees(gateway)


def accept_in_time(late):
    return lambda: late.accept(after=LASTS - SECOND)


def lapse(late):
    return lambda: offers.lapse(offer_id=late.offer.pk, now=late.now + LASTS)


@pytest.mark.parametrize("rounds", range(3))
def test_accepting_and_lapsing_at_once_end_in_one_of_them(late, gateway, rounds):
    accepted, *_ = at_once([accept_in_time(late), lapse(late), lapse(late)])
    assert isinstance(accepted, PaymentResult | OfferExpired)
    assert (late.payment.status == "PAID") is isinstance(accepted, PaymentResult)
    assert ends_once(late, gateway)


@pytest.mark.control
def test_control_without_the_state_an_offer_ends_twice(late, monkeypatch):
    late.accept()
    real = offers._lock

    def as_if_open(keys):
        locked = real(keys)
        locked.offer.status = Offer.Status.OPEN
        return locked

    monkeypatch.setattr(offers, "_lock", as_if_open)
    monkeypatch.setattr(LockedOffer, "stands", lambda *_: False)
    offers.lapse(offer_id=late.offer.pk, now=late.now + LASTS)
    assert Ticket.objects.count() == 2
    assert Refund.objects.exists()
    assert money_behind_tickets() != money_kept()


def test_accepts_at_once_buy_the_seats_once(late, gateway):
    accepted = at_once([accept_in_time(late)] * 6)
    assert {one.status for one in accepted} == {"PAID"}
    assert ends_once(late, gateway)


def test_accepting_and_declining_at_once_end_in_one_of_them(late, gateway):
    at_once([accept_in_time(late), late.decline, accept_in_time(late), late.decline])
    assert ends_once(late, gateway)


def test_the_money_is_found_several_times_at_once_and_offered_once(fan, performance, gateway):
    late = late_money(fan, performance, gateway)
    found = at_once([late.settle] * 6)
    assert [one for one in found if isinstance(one, Exception)] == []
    assert Offer.objects.count() == len(outbox("payment.offered")) == 1
    assert inventory_disagreements(late.now) == []


@pytest.fixture
def two_late(performance, gateway):
    """Two fans whose money is late, and one block that is left for both."""
    ids = seat_ids(performance)
    both = [
        late_money(make_user(), performance, gateway, seats=ids[first : first + 2])
        for first in (0, 2)
    ]
    sell_out(performance, but=ids[12:14])
    now = max(late.now for late in both)
    for late in both:
        late.now = now
    return both


def propose_the_same(performance, monkeypatch):
    """Let every process know of the same block, as several processes do."""
    block = seat_ids(performance)[12:14]
    monkeypatch.setattr(substitutes.snapshots, "propose_instead", lambda **_: block)


def test_two_late_payments_that_want_one_block_get_it_once(two_late, performance, monkeypatch):
    propose_the_same(performance, monkeypatch)
    found = at_once([late.settle for late in two_late])
    assert [one for one in found if isinstance(one, Exception)] == []
    assert sum(one.offer is not None for one in found) <= 1
    assert Offer.objects.count() + Refund.objects.count() == 2
    assert Offer.objects.count() <= 1
    assert set(Payment.objects.values_list("status", flat=True)) == {"LATE_CAPTURED"}
    assert inventory_disagreements(two_late[0].now) == []


@pytest.mark.control
def test_control_without_the_rows_both_are_offered_one_block(two_late, performance, monkeypatch):
    propose_the_same(performance, monkeypatch)

    def take_anyway(*, holds, now):
        [hold] = holds
        return SeatInventory.objects.filter(pk__in=[seat.seat_id for seat in hold.seats]).update(
            status="TEMPORARILY_RESERVED",
            reservation_id=hold.reservation.pk,
            held_until=hold.reservation.expires_at,
        )

    lock = substitutes.locking.lock_seats

    def as_if_free(**keys):
        return [
            type(row)(**{**{name: getattr(row, name) for name in row.__dataclass_fields__},
                         "status": "AVAILABLE", "reservation_id": None})
            for row in lock(**{**keys, "skip_locked": False})
        ]  # fmt: skip

    monkeypatch.setattr(substitutes, "take_seats", take_anyway)
    monkeypatch.setattr(substitutes.locking, "lock_seats", as_if_free)
    for late in two_late:
        late.settle()
    assert Offer.objects.count() == 2
    assert inventory_disagreements(two_late[0].now) != []
