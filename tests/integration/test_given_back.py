"""Money that somebody gave back at the gateway by hand buys nothing, whenever we learn of it."""

from datetime import timedelta

import pytest

from kernel import clock
from kernel.money import Money
from payments import reconciliation, verdicts
from payments.gateways.gateway import GatewayPayment, MoneyState
from payments.models import Charge, Offer, Payment, Refund
from payments.usecases import charging, checkout
from payments.usecases.checkout import offers
from payments.usecases.checkout.offers import OfferExpired, OfferNotChecked
from proof.checks.gateway import gateway_agrees
from tests.support.audited_sale import CHECKS, audited, found
from tests.support.gateways import Fault
from tests.support.money import (
    balance_of,
    begin_by_card,
    confirm,
    give_points,
    hold,
    new_key,
    outbox,
)
from tests.support.offering import (
    LASTS,
    POINTS,
    PRICE,
    SECOND,
    WEALTH,
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
    assert late.settle().offer is not None
    return late


@pytest.fixture
def unknown(fan, performance, gateway):
    """An attempt whose money was captured, which nobody knows."""
    give_points(fan, WEALTH)
    begun = begin_by_card(fan, hold(fan, performance, seats=1).id, points_amount=POINTS)
    gateway.fail("confirm", Fault.HANG)
    assert confirm(fan, begun.id).status == "PROCESSING"
    return begun


def give_back(gateway, order_id, amount=None):
    """Refund by hand at the gateway's desk, all of it by default."""
    row = gateway.ledger[order_id]
    row.refunded += row.captured - row.refunded if amount is None else amount
    if row.refunded == row.captured:
        row.state = MoneyState.REFUNDED


def captured(row):
    """What the gateway said while it had the money."""
    return GatewayPayment(row.order_id, "key", MoneyState.CAPTURED, row.gateway_money, Money(0))


def reconcile(now):
    return reconciliation.reconcile(now=now)


def agrees():
    return found(audited(checks=[one for one in CHECKS if one.find is gateway_agrees])) == set()


def is_over(fan, begun):
    row = Payment.objects.get(pk=begun.id)
    assert (row.status, row.failure_code) == ("FAILED", "refunded_by_gateway")
    assert row.resolve_after is None  # it is not captured again
    assert balance_of(fan) == WEALTH
    assert not Ticket.objects.exists()
    assert not Refund.objects.exists()
    return True


# --- of an attempt


def test_what_was_said_before_the_money_went_back_buys_nothing(fan, unknown, gateway):
    """The reply of a confirm that hung comes after the look-up that found the money given back."""
    give_back(gateway, unknown.order_id)
    reconcile(clock.now() + timedelta(seconds=20))
    assert is_over(fan, unknown)
    said = captured(Payment.objects.get())
    assert checkout.settle(payment_id=unknown.id, said=said, now=clock.now()).status == "FAILED"
    assert is_over(fan, unknown)
    assert agrees()


@pytest.mark.control
def test_control_believed_the_late_reply_gives_seats_for_nothing(
    fan, unknown, gateway, monkeypatch
):
    give_back(gateway, unknown.order_id)
    reconcile(clock.now() + timedelta(seconds=20))
    monkeypatch.setattr(verdicts, "_was_given_back", lambda row: False)
    row = Payment.objects.get()
    Payment.objects.update(amount=PRICE - POINTS, points_amount=0)  # without points to be returned
    row.refresh_from_db()
    shown = checkout.settle(payment_id=unknown.id, said=captured(row), now=clock.now())
    assert shown.status == "PAID"
    assert Ticket.objects.count() == 1
    assert gateway.money_of(unknown.order_id) == 0


def test_money_of_an_ended_attempt_that_went_back_is_not_looked_for_again(fan, unknown, gateway):
    row = Payment.objects.get()
    kept = gateway.ledger.pop(row.order_id)
    reconcile(row.created_at + timedelta(hours=1))  # the hold is over, and nobody has paid
    assert Payment.objects.get().failure_code == "not_paid"
    gateway.ledger[row.order_id] = kept
    give_back(gateway, row.order_id)
    reconcile(row.created_at + timedelta(hours=8))
    assert is_over(fan, unknown)
    assert agrees()


def test_a_charge_that_was_given_back_gives_no_points_afterwards(fan, gateway, db_ready):
    gateway.approves_at_once = True
    gateway.fail("confirm", Fault.HANG)
    made = charging.charge(
        user_id=fan.pk, amount=Money(50_000), request_key=new_key(), resumed=False, now=clock.now()
    )
    row = Charge.objects.get(pk=made.id)
    give_back(gateway, row.order_id)
    reconcile(clock.now() + timedelta(seconds=20))
    assert Charge.objects.get().failure_code == "refunded_by_gateway"
    said = captured(row)
    assert charging.settle_charge(charge_id=row.pk, said=said, now=clock.now()).status == "FAILED"
    assert balance_of(fan) == 0
    assert agrees()


# --- of an offer


@pytest.mark.parametrize("amount", [None, 1])
def test_an_offer_whose_money_went_back_buys_nothing(late, gateway, amount):
    give_back(gateway, late.payment.order_id, amount)
    with pytest.raises(OfferExpired):
        late.accept()
    assert (late.offer.status, late.payment.status) == ("LAPSED", "LATE_CAPTURED")
    assert not Ticket.objects.exists()
    assert balance_of(late.fan) == WEALTH
    reconcile(late.now + SECOND)
    assert [one.status for one in Refund.objects.all()] == ["DONE"]
    assert gateway.money_of(late.payment.order_id) == 0
    assert agrees()


@pytest.mark.control
def test_control_without_the_look_up_the_seats_are_given_for_nothing(late, gateway, monkeypatch):
    give_back(gateway, late.payment.order_id)
    monkeypatch.setattr(offers, "_has_its_money", lambda payment_id: True)
    assert late.accept().status == "PAID"
    assert gateway.money_of(late.payment.order_id) == 0
    assert not agrees()


def test_a_gateway_that_does_not_answer_leaves_the_offer_open(late, gateway):
    gateway.fail("find", Fault.NOT_SENT)
    with pytest.raises(OfferNotChecked):
        late.accept()
    assert late.offer.status == "OPEN"
    assert late.accept(after=2 * SECOND).status == "PAID"


def test_what_a_gateway_can_not_have_said_leaves_the_offer_open(late, gateway):
    row = gateway.ledger.pop(late.payment.order_id)
    with pytest.raises(OfferNotChecked):
        late.accept()
    gateway.ledger[row.order_id] = row
    row.amount = Money(1)
    with pytest.raises(OfferNotChecked):
        late.accept()
    assert late.offer.status == "OPEN"


def test_what_is_decided_is_not_asked_of_the_gateway_again(late, gateway):
    late.accept()
    asked = gateway.calls.count("find")
    gateway.fail("find", Fault.NOT_SENT)
    assert late.accept(after=2 * LASTS).status == "PAID"
    assert gateway.calls.count("find") == asked
    assert len(outbox("payment.paid")) == 1


def test_after_its_time_an_offer_is_over_whatever_the_gateway_says(late, gateway):
    gateway.fail("find", Fault.NOT_SENT)
    with pytest.raises(OfferExpired):
        late.accept(after=LASTS)
    assert Offer.objects.get().status == "LAPSED"
