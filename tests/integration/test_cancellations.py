"""Bought seats that are given up: the money goes back once, whatever fails in between."""

from datetime import timedelta

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import AuditEntry, User
from kernel import clock
from payments import cancellation, reconciliation
from payments.cancellation import BoughtSeat, CancelledAlready, Purchase
from payments.fees import Fee, FeeTable
from payments.models import Cancellation, Payment, Refund, RefundPolicy
from payments.operations import refunds as refund_operations
from payments.usecases import refund_policies
from payments.usecases.refund_policies import RefundPolicyInvalid, set_refund_policy
from payments.usecases.refunding import cancelling, paying_back
from reservations.models import SeatInventory
from tests.support.cancelling import (
    buy,
    cancel,
    gateway_agrees,
    money_behind_tickets,
    money_kept,
    refunded,
)
from tests.support.factories import make_performance
from tests.support.gateways import Fault
from tests.support.money import balance_of, give_points, outbox

PRICE = 100_000
_BACKEND = "django.contrib.auth.backends.ModelBackend"
POINTS = 30_000


@pytest.fixture
def performance(db_ready):
    return make_performance(seats=6, price=PRICE)


@pytest.fixture
def bought(fan, performance, gateway):
    give_points(fan, 10 * PRICE)
    return buy(fan, performance, seats=2, by_points=POINTS)


def later():
    return clock.now() + timedelta(minutes=5)


def paid_back_once(fan, gateway):
    payment = Payment.objects.get()
    assert refunded(payment) == (2 * PRICE - POINTS, POINTS)
    assert gateway.ledger[payment.order_id].refunded == 2 * PRICE - POINTS
    assert len(gateway.ledger[payment.order_id].refunds) == 1
    assert balance_of(fan) == 10 * PRICE
    assert set(Refund.objects.values_list("status", flat=True)) == {"DONE"}
    assert len(outbox("payment.refunded")) == 2  # one for each way back
    assert len(outbox("points.refunded")) == 1
    assert money_behind_tickets() == money_kept() == 0
    return gateway_agrees(gateway)


def test_after_a_crash_before_the_gateway_the_reconciler_pays_back_once(
    fan, bought, gateway, monkeypatch
):
    def killed(**_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(cancelling, "try_at_once", killed)
        with pytest.raises(SystemExit):
            cancel(fan, bought.id, request_key="k" * 64)
    assert "refund" not in gateway.calls
    assert SeatInventory.objects.filter(status="RESERVED").count() == 0
    again = cancel(fan, bought.id, request_key="k" * 64, resumed=True)
    assert (again.status, Cancellation.objects.count()) == ("PROCESSING", 1)
    for _ in range(3):
        reconciliation.reconcile(now=later())
    assert paid_back_once(fan, gateway)
    assert cancel(fan, bought.id, request_key="k" * 64, resumed=True).status == "DONE"


@pytest.mark.parametrize("fault", [Fault.NOT_SENT, Fault.LOST, Fault.HANG])
def test_a_gateway_that_is_away_gives_the_money_back_later(fan, bought, gateway, fault):
    gateway.fail("refund", fault)
    result = cancel(fan, bought.id)
    assert result.status == "PROCESSING"
    assert result.reservation.status == "CANCELLED"
    assert balance_of(fan) == 10 * PRICE  # points wait for nobody
    assert len(outbox("payment.refunded")) == 1
    for _ in range(3):
        reconciliation.reconcile(now=later())
    assert paid_back_once(fan, gateway)


def test_no_gateway_at_all_leaves_the_refund_due(fan, bought, gateway, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(paying_back.gateways, "current", lambda: None)
        assert cancel(fan, bought.id).status == "PROCESSING"
    reconciliation.reconcile(now=later())
    assert paid_back_once(fan, gateway)


def test_the_order_of_another_gateway_is_not_asked_of_this_one(fan, bought, gateway):
    Payment.objects.update(gateway="another")
    assert cancel(fan, bought.id).status == "PROCESSING"
    assert "refund" not in gateway.calls


def test_a_refusal_of_the_gateway_leaves_the_points_with_the_fan(fan, bought, gateway):
    gateway.fail("refund", Fault.REFUSE)
    assert cancel(fan, bought.id).status == "PROCESSING"
    assert sorted(Refund.objects.values_list("status", flat=True)) == ["DONE", "REFUSED"]
    assert balance_of(fan) == 10 * PRICE


def test_nothing_is_written_where_a_step_fails(fan, bought, gateway, monkeypatch):
    def broken(**_):
        raise RuntimeError

    monkeypatch.setattr(refund_operations.points, "receive", broken)
    with pytest.raises(RuntimeError):
        cancel(fan, bought.id)
    assert not Cancellation.objects.exists()
    assert not Refund.objects.exists()
    assert SeatInventory.objects.filter(status="RESERVED").count() == 2
    assert money_behind_tickets() == money_kept() == 2 * PRICE


def test_the_money_kept_is_the_money_behind_valid_tickets(fan, bought, gateway, performance):
    seats = [seat.seat_id for seat in bought.seats]
    cancel(fan, bought.id, seats[:1])
    assert money_behind_tickets() == money_kept() == PRICE
    give_points(fan, 10 * PRICE)
    buy(fan, performance, seat_ids=seats[:1])  # the seat is sold again
    assert money_behind_tickets() == money_kept() == 2 * PRICE
    assert gateway_agrees(gateway)
    with pytest.raises(CancelledAlready):
        cancel(fan, bought.id, seats[:1])
    cancel(fan, bought.id)
    assert money_behind_tickets() == money_kept() == PRICE


@pytest.mark.control
def test_control_a_ledger_without_the_refund_disagrees(fan, bought, gateway):
    cancel(fan, bought.id)
    Refund.objects.all().delete()
    assert money_behind_tickets() != money_kept()


def purchase(prices, points_amount, table):
    payment = Payment(amount=sum(prices), points_amount=points_amount, currency="KRW")
    seats = tuple(BoughtSeat(number, price, False, False) for number, price in enumerate(prices))
    return Purchase(None, None, payment, seats, table)


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=8),
    st.data(),
    st.lists(st.builds(Fee, st.just(1), st.integers(0, 100)), min_size=8, max_size=8),
)
@settings(max_examples=300)
def test_no_order_of_cancellations_exceeds_a_part(prices, data, terms):
    points_amount = data.draw(st.integers(0, sum(prices)))
    bought = purchase(prices, points_amount, FeeTable((Fee(1),)))
    by_points = by_gateway = 0
    order = data.draw(st.permutations(bought.seats))
    for seat, fee in zip(order, terms, strict=False):
        [one] = cancellation._quote(bought, bought.payment, [seat], fee, None).per_seat
        assert one.paid.amount - one.fee.amount == one.refund.amount >= one.points.amount >= 0
        by_points += one.points.amount
        by_gateway += one.refund.amount - one.points.amount
    assert by_points <= points_amount
    assert by_gateway <= sum(prices) - points_amount
    if not any(fee.percent for fee in terms[: len(prices)]):
        assert (by_points, by_gateway) == (points_amount, sum(prices) - points_amount)


@pytest.mark.control
def test_control_shares_rounded_up_exceed_the_points():
    shares = [-(-10 * price // 30) for price in (10, 10, 10)]  # each seat's share by itself
    assert sum(shares) > 10
    bought = purchase([10, 10, 10], 10, FeeTable((Fee(1),)))
    assert sum(points for _, points in cancellation._points_of(bought, bought.payment)) == 10


def set_table(performance, said):
    return set_refund_policy(
        performance_id=performance and performance.pk,
        said=said,
        reason="season",
        actor_id=None,
        now=clock.now(),
    )


def test_a_fee_table_is_versioned_and_audited(performance, fan, bought):
    assert set_table(performance, "24 10%").version == 1
    assert set_table(performance, " 48 5% \n\n24   1000").version == 2
    assert set_table(None, "24 20%").version == 1
    entries = refund_policies.RefundPolicy.objects.order_by("version")
    assert [row.fees for row in entries if row.performance_id] == ["48 5%\n24 1000"]
    with pytest.raises(RefundPolicyInvalid):
        set_table(performance, "tomorrow: free")
    cancel(fan, bought.id)
    assert Cancellation.objects.get().policy_version == 2


def test_staff_set_fee_tables_with_a_reason(db_ready, performance):
    browser = Client()
    browser.force_login(User.objects.create_superuser("root@example.com", "x"), _BACKEND)
    pages = "/admin/payments/refundpolicy/"
    said = {"performance": "", "fees": "24 10%", "reason": "season"}
    assert browser.post(f"{pages}add/", said).status_code == 302
    row = RefundPolicy.objects.get()
    changed = browser.post(f"{pages}{row.pk}/change/", {"fees": "24 20%", "reason": "new"})
    assert changed.status_code == 302
    row.refresh_from_db()
    assert (row.performance_id, row.fees, row.version) == (None, "24 20%", 2)
    for wrong in ({**said, "fees": "soon"}, {**said, "reason": ""}, said):
        assert browser.post(f"{pages}add/", wrong).status_code == 200
    assert RefundPolicy.objects.count() == 1
    entries = AuditEntry.objects.filter(action="payments.set_refund_policy")
    assert [entry.reason for entry in entries.order_by("pk")] == ["season", "new"]
