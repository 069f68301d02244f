"""Money that comes late ends in the same seats or in a refund; settling twice changes nothing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kernel import clock
from kernel.db.transaction import transaction
from kernel.money import Money
from payments import verdicts
from payments.gateways.gateway import GatewayPayment, MoneyState, OutcomeUnknown
from payments.models import Payment, Refund
from payments.usecases import checkout
from payments.usecases.checkout import gateway_settlement
from points.models import Transfer
from reservations import operations as reservations
from reservations.models import Reservation, SeatInventory
from reservations.operations import ReservationExpired
from tests.support.concurrency import race
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.gateways import Fault
from tests.support.holding import inventory_disagreements, place, sell_out
from tests.support.money import (
    balance_of,
    begin,
    begin_by_card,
    confirm,
    give_points,
    hold,
    outbox,
)
from tickets.models import Ticket

PRICE = 100_000
POINTS = 30_000


@pytest.fixture
def performance(db_ready):
    return make_performance(seats=6, price=PRICE, hold_seconds=60, payment_seconds=60)


@pytest.fixture
def held(fan, performance):
    give_points(fan, 10 * PRICE)
    return hold(fan, performance, seats=2)


def said(payment, state=MoneyState.CAPTURED, amount=None):
    """What a gateway says of a payment's order."""
    row = Payment.objects.get(pk=payment.id)
    money = row.gateway_money if amount is None else amount
    return GatewayPayment(row.order_id, "key", state, money, Money(0))


def settle(payment, what=None, *, now=None):
    return checkout.settle(
        payment_id=payment.id, said=what or said(payment), now=now or clock.now()
    )


def unknown(fan, held, gateway, points_amount=POINTS):
    """An attempt whose money was captured, which nobody knows."""
    begun = begin_by_card(fan, held.id, points_amount=points_amount)
    gateway.fail("confirm", Fault.HANG)
    assert confirm(fan, begun.id).status == "PROCESSING"
    return begun


def after_the_hold(held):
    return Reservation.objects.get(pk=held.id).expires_at + timedelta(seconds=1)


def returned(payment):
    return Transfer.objects.filter(kind="payment_return", reference=payment.id).count()


def is_paid(held, payment):
    assert Payment.objects.get(pk=payment.id).status == "PAID"
    assert Reservation.objects.get(pk=held.id).status == "CONFIRMED"
    sold = SeatInventory.objects.filter(reservation_id=held.id, status="RESERVED")
    assert sold.count() == 2
    assert Ticket.objects.filter(reservation_id=held.id).count() == 2
    assert len(outbox("payment.paid")) == 1
    assert returned(payment) == 0
    assert not Refund.objects.exists()
    return True


def is_refunded(payment, points_back=1):
    row = Payment.objects.get(pk=payment.id)
    assert row.status == "LATE_CAPTURED"
    [refund] = Refund.objects.all()
    assert (refund.payment_id, refund.status) == (payment.id, "CREATED")
    assert refund.money == row.gateway_money
    assert returned(payment) == points_back
    return True


@pytest.mark.parametrize("swept", [False, True])
def test_money_after_the_hold_takes_the_same_seats_while_they_are_free(fan, held, gateway, swept):
    begun = unknown(fan, held, gateway)
    now = after_the_hold(held)
    if swept:
        with transaction():
            reservations.expire_lapsed(reservation_ids=[held.id], now=now)
        assert Reservation.objects.get(pk=held.id).status == "EXPIRED"
    assert settle(begun, now=now).status == "PAID"
    assert is_paid(held, begun)
    assert balance_of(fan) == 10 * PRICE - POINTS


def test_seats_of_a_hold_that_has_lapsed_itself_are_free(fan, held, gateway, performance):
    begun = unknown(fan, held, gateway)
    lapsed = after_the_hold(held)
    rival = place(make_user(), performance, seat_ids(performance, 1), now=lapsed)
    now = rival.expires_at + timedelta(seconds=1)
    assert settle(begun, now=now).status == "PAID"
    assert is_paid(held, begun)
    assert Reservation.objects.get(pk=rival.id).status == "EXPIRED"
    assert len(outbox("reservation.expired")) == 2
    assert inventory_disagreements(now) == []


def test_money_whose_seats_are_gone_goes_back_and_the_points_with_it(
    fan, held, gateway, performance
):
    begun = unknown(fan, held, gateway)
    now = after_the_hold(held)
    sell_out(performance)
    rival = place(make_user(), performance, seat_ids(performance, 1), now=now)
    assert settle(begun, now=now).status == "PROCESSING"  # until it is back
    assert is_refunded(begun)
    assert balance_of(fan) == 10 * PRICE
    assert Reservation.objects.get(pk=rival.id).status == "PENDING"
    assert not Ticket.objects.exists()


def test_seats_beyond_the_fans_limit_are_not_taken_again(fan, held, gateway, performance):
    begun = unknown(fan, held, gateway)
    now = after_the_hold(held)
    place(fan, performance, seat_ids(performance)[2:5], now=now)
    settle(begun, now=now)
    assert is_refunded(begun)


@pytest.mark.control
def test_control_without_the_count_the_fan_has_more_seats_than_one_may(
    fan, held, gateway, performance, monkeypatch
):
    monkeypatch.setattr(gateway_settlement.reservations, "reclaim", _without_the_count())
    begun = unknown(fan, held, gateway)
    now = after_the_hold(held)
    place(fan, performance, seat_ids(performance)[2:5], now=now)
    settle(begun, now=now)
    assert is_paid(held, begun)


def _without_the_count():
    guarded = gateway_settlement.reservations.reclaim

    def reclaim(*, locked, now):
        rules = replace(locked.rules, max_seats_per_fan=99)
        return guarded(locked=replace(locked, rules=rules), now=now)

    return reclaim


@pytest.mark.parametrize("points_amount", [0, POINTS])
def test_money_of_an_abandoned_attempt_buys_the_seats_or_comes_back(
    fan, held, gateway, points_amount
):
    begun = begin_by_card(fan, held.id, points_amount=points_amount)
    checkout.abandon(payment_id=begun.id, user_id=fan.pk, now=clock.now())
    settle(begun)
    # The points part is back with the fan and may be spent: then the seats are not paid in full.
    assert is_refunded(begun) if points_amount else is_paid(held, begun)


def test_money_of_the_first_page_goes_before_a_second_that_nobody_confirmed(fan, held, gateway):
    first = begin_by_card(fan, held.id)
    second = begin_by_card(fan, held.id, points_amount=POINTS)
    settle(first)
    assert Payment.objects.get(pk=second.id).status == "ABANDONED"
    assert Payment.objects.get(pk=first.id).status == "PAID"
    assert balance_of(fan) == 10 * PRICE
    settle(second)
    assert Payment.objects.get(pk=second.id).status == "LATE_CAPTURED"


@pytest.mark.parametrize("sibling", ["PAID", "UNKNOWN"])
def test_money_beside_a_sibling_goes_back(fan, held, gateway, sibling):
    first = begin_by_card(fan, held.id)
    if sibling == "PAID":
        begin(fan, held.id)
    else:
        unknown(fan, held, gateway, points_amount=0)
    settle(first)
    assert is_refunded(first, points_back=0)


def test_a_cancelled_performance_keeps_no_late_money(fan, held, gateway, performance):
    begun = unknown(fan, held, gateway)
    type(performance).objects.filter(pk=performance.pk).update(status="CANCELLED")
    settle(begun)
    assert is_refunded(begun)


@pytest.mark.parametrize("times", [1, 2, 8])
def test_settling_at_once_and_again_changes_nothing_more(fan, held, gateway, times):
    begun = unknown(fan, held, gateway)
    race(*[lambda: settle(begun)] * times)
    settle(begun, said(begun, MoneyState.OPEN))  # looked up before, brought after
    settle(begun, OutcomeUnknown("a paused process"))
    assert is_paid(held, begun)


def test_points_come_back_once_however_often_it_fails(fan, held, gateway):
    begun = unknown(fan, held, gateway)
    race(*[lambda: settle(begun, said(begun, MoneyState.FAILED))] * 6)
    assert returned(begun) == 1
    assert balance_of(fan) == 10 * PRICE
    assert len(outbox("payment.failed")) == 1


@pytest.mark.parametrize(
    "wrong", [Money(2 * PRICE - POINTS - 1), Money(2 * PRICE), Money(2 * PRICE - POINTS, "USD")]
)
def test_another_amount_or_currency_is_never_paid(fan, held, gateway, wrong, caplog):
    begun = unknown(fan, held, gateway)
    before = gateway_settlement_mismatches()
    settle(begun, said(begun, amount=wrong))
    row = Payment.objects.get(pk=begun.id)
    assert (row.status, row.paid_at) == ("UNKNOWN", None)
    assert row.resolve_after is not None
    assert not Ticket.objects.exists()
    assert gateway_settlement_mismatches() == before + 1
    assert "not what was asked for" in caplog.text
    assert settle(begun).status == "PAID"  # once it is put right


def gateway_settlement_mismatches():
    return verdicts.metrics.mismatches._value.get()


@pytest.mark.control
def test_control_without_the_comparison_a_smaller_amount_buys_the_seats(
    fan, held, gateway, monkeypatch
):
    monkeypatch.setattr("payments.verdicts._fits", lambda row, said: True)
    begun = unknown(fan, held, gateway)
    settle(begun, said(begun, amount=Money(1)))
    assert is_paid(held, begun)


def test_a_confirm_after_the_deadline_asks_nobody_for_money(fan, held, gateway):
    begun = begin_by_card(fan, held.id, points_amount=POINTS)
    late = after_the_hold(held)
    with pytest.raises(ReservationExpired):
        confirm(fan, begun.id, now=late)
    assert gateway.calls == ["open"]
    assert balance_of(fan) == 10 * PRICE
    assert Payment.objects.get().failure_code == "reservation_ended"


def test_the_hold_lapses_and_goes_to_another_while_the_gateway_hangs(
    fan, held, gateway, performance
):
    now = after_the_hold(held)
    rival = make_user()
    sell_out(performance)
    gateway.during = lambda call: (
        call == "confirm" and place(rival, performance, seat_ids(performance, 1), now=now)
    )
    begun = begin_by_card(fan, held.id)
    assert confirm(fan, begun.id).status == "PROCESSING"
    assert is_refunded(begun, points_back=0)


def test_a_crash_between_gateway_and_settling_leaves_it_requested(fan, held, gateway, monkeypatch):
    begun = begin_by_card(fan, held.id)
    gateway.during = lambda call: 1 / 0
    with pytest.raises(ZeroDivisionError):
        confirm(fan, begun.id)
    row = Payment.objects.get()
    assert (row.status, gateway.money_of(row.order_id)) == ("REQUESTED", 2 * PRICE)
    assert row.resolve_after is not None
    gateway.during = lambda call: None
    assert confirm(fan, begun.id).status == "PROCESSING"  # nobody knows, nobody asks again
    assert confirm(fan, begun.id, resumed=True).status == "PAID"
    assert gateway.calls.count("confirm") == 1
    assert is_paid(held, begun)


def test_another_gateway_is_not_asked_for_an_order_it_never_had(fan, held, gateway):
    begun = begin_by_card(fan, held.id)
    gateway.fail("confirm", Fault.HANG)
    confirm(fan, begun.id)
    gateway.name = "another"
    assert confirm(fan, begun.id, resumed=True).status == "PROCESSING"
    assert "find" not in gateway.calls
