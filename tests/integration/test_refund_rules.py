"""The database keeps refunds within what was captured, however they are written."""

import pytest
from django.db import IntegrityError, connection, transaction

from kernel import clock
from kernel.ids import uuid7
from payments.models import Payment, Refund
from tests.support.concurrency import at_once
from tests.support.factories import make_performance
from tests.support.money import hold

PRICE = 100_000
POINTS = 30_000


@pytest.fixture
def payment(db_ready, fan):
    held = hold(fan, make_performance(seats=4, price=PRICE), seats=1)
    return make_payment(held, fan, status=Payment.Status.PAID, paid_at=clock.now())


def make_payment(held, fan, **fields) -> Payment:
    defaults = {
        "reservation_id": held.id,
        "user": fan,
        "method": Payment.Method.CARD,
        "amount": PRICE,
        "points_amount": POINTS,
        "request_key": uuid7().hex * 2,
        "gateway": "double",
        "order_id": f"pay-{uuid7().hex}",
        "created_at": clock.now(),
    }
    return Payment.objects.create(**(defaults | fields))


def refund(payment, amount, points=0, **fields) -> Refund:
    now = clock.now()
    defaults = {
        "payment": payment,
        "status": Refund.Status.CREATED,
        "reason": Refund.Reason.CANCELLED,
        "amount": amount,
        "points_amount": points,
        "request_key": uuid7().hex * 2,
        "created_at": now,
        "resolve_after": now,
    }
    with transaction.atomic():
        return Refund.objects.create(**(defaults | fields))


def test_refunds_in_parts_reach_what_was_captured_and_no_more(payment):
    refund(payment, 40_000)
    last = refund(payment, 60_000, POINTS)
    with pytest.raises(IntegrityError, match="exceed what it captured"):
        refund(payment, 1)
    last.status, last.resolve_after = Refund.Status.REFUSED, None
    last.save()
    assert refund(payment, 30_000).pk  # one that was refused leaves its money to another


@pytest.mark.parametrize(("amount", "points"), [(PRICE, 0), (PRICE, POINTS + 1), (70_001, 0)])
def test_each_part_goes_back_by_the_way_it_came(payment, amount, points):
    with pytest.raises(IntegrityError, match="exceed what it captured"):
        refund(payment, amount, points)


def test_a_refund_can_not_grow_afterwards(payment):
    small = refund(payment, 1)
    small.amount = PRICE
    with pytest.raises(IntegrityError, match="exceed what it captured"):
        small.save()


@pytest.mark.parametrize("status", ["FAILED", "ABANDONED", "UNKNOWN"])
def test_what_was_not_captured_is_not_refunded(db_ready, fan, status):
    held = hold(fan, make_performance(seats=4, price=PRICE), seats=1)
    payment = make_payment(held, fan, status=status, resolve_after=clock.now())
    with pytest.raises(IntegrityError, match="exceed what it captured"):
        refund(payment, 1)


def test_money_that_came_late_is_refunded_without_the_points_that_went_back(db_ready, fan):
    held = hold(fan, make_performance(seats=4, price=PRICE), seats=1)
    payment = make_payment(held, fan, status=Payment.Status.LATE_CAPTURED)
    with pytest.raises(IntegrityError, match="exceed what it captured"):
        refund(payment, PRICE, POINTS)
    assert refund(payment, PRICE - POINTS).pk


def both_at_once(payment):
    outcomes = at_once([lambda: refund(payment, 50_000)] * 8)
    refunded = sum(one.amount for one in Refund.objects.filter(payment=payment))
    assert len([one for one in outcomes if isinstance(one, Refund)]) == refunded // 50_000
    return refunded


def test_refunds_at_once_do_not_exceed_it_together(payment):
    assert both_at_once(payment) == 50_000


@pytest.mark.control
def test_control_without_the_trigger_refunds_at_once_exceed_it(payment):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE payments_refund DISABLE TRIGGER USER")
    try:
        assert both_at_once(payment) > PRICE
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE payments_refund ENABLE TRIGGER USER")


def test_a_request_key_makes_one_refund(payment):
    refund(payment, 1, request_key="k" * 64)
    with pytest.raises(IntegrityError, match="payments_refund_request_unique"):
        refund(payment, 1, request_key="k" * 64)


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("order_at_gateway", {"status": "FAILED", "gateway": ""}),
        ("order_at_gateway", {"status": "FAILED", "order_id": None}),
        ("open_is_resolved", {"status": "UNKNOWN"}),
        ("open_is_resolved", {"status": "CREATED"}),
        ("requested_has_time", {"status": "REQUESTED", "resolve_after": clock.now()}),
        (
            "failure_is_final",
            {"status": "UNKNOWN", "failure_code": "x", "resolve_after": clock.now()},
        ),
        ("status_known", {"status": "LOST"}),
    ],
)
def test_a_payment_through_a_gateway_keeps_the_rules_of_its_states(db_ready, fan, rule, fields):
    held = hold(fan, make_performance(seats=4, price=PRICE), seats=1)
    with pytest.raises(IntegrityError, match=f"payments_payment_{rule}"), transaction.atomic():
        make_payment(held, fan, **fields)
