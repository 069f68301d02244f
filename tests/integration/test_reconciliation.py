"""Whatever the gateway has still to answer is found out, also days later."""

import json
from datetime import timedelta
from functools import partial
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from kernel import clock
from kernel.money import Money
from payments import policy, reconciliation
from payments.models import Charge, Payment, Refund
from payments.usecases import charging, checkout
from reservations.models import Reservation
from tests.support.concurrency import race
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.gateways import Fault
from tests.support.holding import place, sell_out
from tests.support.money import balance_of, begin_by_card, confirm, give_points, hold, outbox
from tickets.models import Ticket

PRICE = 100_000
POINTS = 30_000
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


@pytest.fixture
def performance(db_ready):
    return make_performance(seats=6, price=PRICE, hold_seconds=60, payment_seconds=60)


@pytest.fixture
def held(fan, performance):
    give_points(fan, 10 * PRICE)
    return hold(fan, performance, seats=1)


def reconcile(now=None):
    return reconciliation.reconcile(now=now or clock.now() + 2 * policy.REQUEST_TAKES)


def status():
    return Payment.objects.get().status


@pytest.mark.parametrize(("fault", "ends"), [(Fault.HANG, "PAID"), (Fault.LOST, "UNKNOWN")])
def test_what_the_gateway_did_not_say_is_looked_up(fan, held, gateway, fault, ends):
    begun = begin_by_card(fan, held.id)
    gateway.fail("confirm", fault)
    confirm(fan, begun.id)
    assert reconcile(clock.now()).total == 0  # not due yet
    assert reconcile(clock.now() + 11 * SECOND).looked_up == 1
    assert status() == ends
    reconcile(Reservation.objects.get().expires_at + DAY)
    assert status() == {"PAID": "PAID", "UNKNOWN": "FAILED"}[ends]


def test_a_crash_between_gateway_and_settling_heals(fan, held, gateway):
    begun = begin_by_card(fan, held.id, points_amount=POINTS)
    gateway.during = lambda call: 1 / 0
    with pytest.raises(ZeroDivisionError):
        confirm(fan, begun.id)
    gateway.during = lambda call: None
    assert status() == "REQUESTED"
    reconcile()
    assert status() == "PAID"
    assert Ticket.objects.count() == 1
    assert balance_of(fan) == 10 * PRICE - POINTS


@pytest.mark.control
def test_control_without_the_reconciler_the_money_has_no_ticket(fan, held, gateway, monkeypatch):
    monkeypatch.setattr(
        reconciliation, "settle", lambda *, payment_id, said, now: Payment(status="?")
    )
    begun = begin_by_card(fan, held.id)
    gateway.fail("confirm", Fault.HANG)
    confirm(fan, begun.id)
    reconcile()
    assert (status(), gateway.money_of(begun.order_id)) == ("UNKNOWN", PRICE)
    assert not Ticket.objects.exists()


def test_a_page_that_never_came_back_gives_the_points_back(fan, held, gateway):
    begin_by_card(fan, held.id, points_amount=POINTS)
    ends = Reservation.objects.get().expires_at
    reconcile(ends - SECOND)
    assert status() == "CREATED"
    reconcile(ends + SECOND)
    assert status() == "ABANDONED"
    assert balance_of(fan) == 10 * PRICE


def test_money_that_turns_up_four_days_later_goes_back_by_itself(fan, held, gateway, performance):
    begun = begin_by_card(fan, held.id, points_amount=POINTS)
    now = Reservation.objects.get().expires_at + SECOND
    sell_out(performance)
    reconcile(now)
    place(make_user(), performance, seat_ids(performance, 1), now=now)
    for _ in range(40):
        now = Payment.objects.get().resolve_after
        if now > Payment.objects.get().created_at + 4 * DAY:
            break
        reconcile(now)
    gateway.capture(begun.order_id)
    place(make_user(), performance, seat_ids(performance, 1), now=now)
    reconcile(now)
    assert status() == "LATE_CAPTURED"
    assert Refund.objects.get().status == "DONE"
    assert gateway.money_of(begun.order_id) == 0
    assert balance_of(fan) == 10 * PRICE
    [event] = outbox("payment.refunded")
    assert event.data["amount"]["amount"] == PRICE - POINTS
    shown = checkout.settle(payment_id=begun.id, said=None, now=now)
    assert (shown.status, shown.failure.code) == ("FAILED", "paid_too_late")


def test_after_five_days_nobody_looks_any_more(fan, held, gateway):
    begin_by_card(fan, held.id)
    now = clock.now() + DAY
    for _ in range(40):
        reconcile(now)
        now = Payment.objects.get().resolve_after
        if now is None:
            break
    assert now is None
    assert gateway.calls.count("find") < 40


def late(fan, held, gateway, performance):
    begun = begin_by_card(fan, held.id)
    gateway.fail("confirm", Fault.HANG)
    confirm(fan, begun.id)
    now = Reservation.objects.get().expires_at + SECOND
    sell_out(performance)
    place(make_user(), performance, seat_ids(performance, 1), now=now)
    return begun, now


@pytest.mark.parametrize(
    ("fault", "first"),
    [(Fault.HANG, "UNKNOWN"), (Fault.LOST, "UNKNOWN"), (Fault.NOT_SENT, "REQUESTED")],
)
def test_a_refund_that_nobody_confirmed_is_asked_for_again_and_given_once(
    fan, held, gateway, performance, fault, first
):
    begun, now = late(fan, held, gateway, performance)
    gateway.fail("refund", fault)
    reconcile(now)
    assert Refund.objects.get().status == first
    reconcile(now + DAY)
    assert Refund.objects.get().status == "DONE"
    assert gateway.ledger[begun.order_id].refunded == PRICE
    assert len(outbox("payment.refunded")) == 1


def test_a_refused_refund_waits_for_somebody(fan, held, gateway, performance, caplog):
    begun, now = late(fan, held, gateway, performance)
    gateway.fail("refund", Fault.REFUSE)
    reconcile(now)
    refund = Refund.objects.get()
    assert (refund.status, refund.failure_message) == ("REFUSED", "the account is closed")
    assert "refund refused" in caplog.text
    assert gateway.money_of(begun.order_id) == PRICE


def test_one_that_fails_stops_no_other_and_a_gateway_that_is_away_nothing(
    fan, performance, gateway, monkeypatch
):
    attempts = []
    for seat in seat_ids(performance, 3):
        buyer = make_user()
        begun = begin_by_card(buyer, place(buyer, performance, [seat]).id)
        gateway.fail("confirm", Fault.HANG)
        confirm(buyer, begun.id)
        attempts.append(begun.id)
    gateway.fail("find", Fault.NOT_SENT)
    settle = reconciliation.settle

    def fail_once(*, payment_id, said, now):
        if payment_id == attempts[1]:
            raise RuntimeError("a defect")
        return settle(payment_id=payment_id, said=said, now=now)

    monkeypatch.setattr(reconciliation, "settle", fail_once)
    done = reconcile()
    assert (done.looked_up, done.not_sent, done.errors) == (3, 1, 1)
    monkeypatch.setattr(reconciliation, "settle", settle)
    reconcile(clock.now() + DAY)
    assert set(Payment.objects.values_list("status", flat=True)) == {"PAID"}


def test_reconcilers_at_once_share_the_work(fan, performance, gateway):
    for seat in seat_ids(performance, 4):
        buyer = make_user()
        begun = begin_by_card(buyer, place(buyer, performance, [seat]).id)
        gateway.fail("confirm", Fault.HANG)
        confirm(buyer, begun.id)
    now = clock.now() + 11 * SECOND
    done = race(*[lambda: reconcile(now)] * 4)
    assert sum(one.looked_up for one in done) == 4
    assert gateway.calls.count("find") == 4
    assert len(outbox("payment.paid")) == 4


def test_the_command_shows_how_far_it_is(fan, held, gateway, monkeypatch):
    begun = begin_by_card(fan, held.id)
    gateway.fail("confirm", Fault.HANG)
    confirm(fan, begun.id)
    Payment.objects.update(resolve_after=clock.now())
    out = StringIO()
    call_command("payments", "reconcile", "--json", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["looked_up"] for line in lines] == [1, 0]
    assert lines[-1]["unresolved"] == 0
    assert status() == "PAID"


def test_the_command_goes_on_while_charges_alone_are_due(fan, gateway, monkeypatch):
    for number in range(3):
        begun = charging.charge(
            user_id=fan.pk,
            amount=Money(5_000),
            request_key=f"charge-{number}",
            resumed=False,
            now=clock.now(),
        )
        gateway.capture(begun.order_id)  # by a browser that never came back
    Charge.objects.update(resolve_after=clock.now())
    one_a_batch = partial(reconciliation.reconcile, limit=1)
    monkeypatch.setattr(reconciliation, "reconcile", one_a_batch)
    out = StringIO()
    call_command("payments", "reconcile", "--json", stdout=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["looked_up"] for line in lines] == [1, 1, 1, 0]
    assert balance_of(fan) == 15_000


def test_the_command_says_what_it_could_not_look_up(fan, held, gateway):
    begin_by_card(fan, held.id)
    Payment.objects.update(resolve_after=clock.now())
    gateway.fail("find", Fault.NOT_SENT)
    with pytest.raises(CommandError, match="1 could not be looked up"):
        call_command("payments", "reconcile", stdout=StringIO())


def test_without_a_gateway_nothing_is_looked_up(db_ready):
    assert reconcile().total == 0
    with pytest.raises(CommandError, match="No payment gateway"):
        call_command("payments", "reconcile")
