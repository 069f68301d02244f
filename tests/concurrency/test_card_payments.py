"""Attempts by card that begin, are confirmed, abandoned and settled in the same moment."""

import pytest

from kernel import clock
from payments import reconciliation
from payments.models import Payment
from payments.queries import PaymentResult
from payments.usecases import checkout
from payments.usecases.checkout import confirmation
from points.models import Transfer
from reservations.usecases.holds import PaymentInProgress
from tests.support.concurrency import at_once
from tests.support.factories import make_performance
from tests.support.gateways import Fault
from tests.support.money import balance_of, begin_by_card, confirm, give_points, hold, outbox
from tickets.models import Ticket

PRICE = 100_000
POINTS = 30_000


@pytest.fixture
def held(fan, db_ready):
    give_points(fan, 10 * PRICE)
    return hold(fan, make_performance(seats=4, price=PRICE), seats=1)


def test_attempts_that_begin_at_once_leave_one_alive(fan, held, gateway):
    begun = at_once([lambda: begin_by_card(fan, held.id, points_amount=POINTS)] * 6)
    assert {type(one) for one in begun} <= {PaymentResult}
    statuses = sorted(Payment.objects.values_list("status", flat=True))
    assert statuses == ["ABANDONED"] * 5 + ["CREATED"]
    assert balance_of(fan) == 10 * PRICE - POINTS
    assert Transfer.objects.filter(kind="payment_return").count() == 5


def confirm_at_once(fan, begun, times):
    return at_once([lambda: confirm(fan, begun.id)] * times)


def test_confirms_at_once_ask_the_gateway_once(fan, held, gateway):
    begun = begin_by_card(fan, held.id)
    shown = {one.status for one in confirm_at_once(fan, begun, 8)}
    assert shown <= {"PAID", "PROCESSING"}
    assert gateway.calls.count("confirm") == 1
    assert Ticket.objects.count() == 1


@pytest.mark.control
def test_control_without_the_state_each_confirm_asks(fan, held, gateway, monkeypatch):
    request = confirmation._request

    def whatever(keys, payment_key, now):
        asked = request(keys, payment_key, now)
        return asked or confirmation._AskedAttempt(Payment.objects.get(pk=keys.payment_id), "")

    monkeypatch.setattr(confirmation, "_request", whatever)
    begun = begin_by_card(fan, held.id)
    confirm_at_once(fan, begun, 4)
    assert gateway.calls.count("confirm") == 4


def test_abandoning_and_confirming_at_once_end_in_one_of_them(fan, held, gateway):
    begun = begin_by_card(fan, held.id, points_amount=POINTS)
    given_up, confirmed = at_once(
        [
            lambda: checkout.abandon(payment_id=begun.id, user_id=fan.pk, now=clock.now()),
            lambda: confirm(fan, begun.id),
        ]
    )
    paid = Payment.objects.get().status == "PAID"
    assert isinstance(given_up, PaymentInProgress) if paid else given_up.status == "FAILED"
    assert confirmed.status == ("PAID" if paid else "FAILED")
    assert gateway.money_of(begun.order_id) == (PRICE - POINTS if paid else 0)
    assert balance_of(fan) == 10 * PRICE - (POINTS if paid else 0)


def test_view_webhook_and_reconciler_settle_at_once_and_pay_once(fan, held, gateway):
    begun = begin_by_card(fan, held.id, points_amount=POINTS)
    gateway.fail("confirm", Fault.HANG)
    confirm(fan, begun.id)
    Payment.objects.update(resolve_after=clock.now())
    said = gateway.find(begun.order_id, payment_key=None)

    def settle():
        return checkout.settle(payment_id=begun.id, said=said, now=clock.now())

    def found():
        return reconciliation.reconcile(now=clock.now())

    outcomes = at_once([settle, found, settle, found, settle])
    assert [one for one in outcomes if isinstance(one, Exception)] == []
    assert Payment.objects.get().status == "PAID"
    assert [len(outbox(name)) for name in ("payment.paid", "reservation.confirmed")] == [1, 1]
    assert balance_of(fan) == 10 * PRICE - POINTS
