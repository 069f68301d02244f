"""A Payment of Toss Payments is read exactly, or not at all."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.money import Money
from payments.gateways.gateway import Failure, GatewayPayment, MoneyState
from payments.gateways.toss_documents import LARGEST, NotUnderstood, number_of, payment_of

BASE = {
    "paymentKey": "key-1",
    "orderId": "order-1",
    "status": "DONE",
    "totalAmount": 50_000,
    "balanceAmount": 50_000,
    "currency": "KRW",
    "approvedAt": "2026-11-26T10:00:00+09:00",
    "cancels": None,
    "failure": None,
}


def read(**members) -> GatewayPayment:
    return payment_of({**BASE, **members}, order_id="order-1")


@pytest.mark.parametrize(
    ("members", "state", "refunded"),
    [
        ({"status": "READY", "approvedAt": None}, MoneyState.OPEN, 0),
        ({"status": "IN_PROGRESS", "approvedAt": None}, MoneyState.OPEN, 0),
        ({"status": "WAITING_FOR_DEPOSIT", "approvedAt": None}, MoneyState.OPEN, 0),
        ({}, MoneyState.CAPTURED, 0),
        ({"status": "PARTIAL_CANCELED", "balanceAmount": 20_000}, MoneyState.CAPTURED, 30_000),
        ({"status": "CANCELED", "balanceAmount": 0}, MoneyState.REFUNDED, 50_000),
        ({"status": "CANCELED", "balanceAmount": 0, "approvedAt": None}, MoneyState.FAILED, 0),
        ({"status": "ABORTED", "approvedAt": None}, MoneyState.FAILED, 0),
        ({"status": "EXPIRED", "approvedAt": None}, MoneyState.FAILED, 0),
    ],
)
def test_every_status_has_its_state(members, state, refunded):
    payment = read(**members)
    assert (payment.state, payment.refunded) == (state, Money(refunded))
    assert payment.amount == Money(50_000)


def test_why_it_failed_is_in_our_words():
    failure = {"code": "REJECT_CARD_COMPANY", "message": "거절"}
    assert read(status="ABORTED", failure=failure).failure == Failure("declined", "거절")
    assert read(status="EXPIRED").failure == Failure("payment_expired", "")
    assert read(status="ABORTED", failure={"code": 7}).failure == Failure("declined", "")
    assert read().failure is None


@pytest.mark.parametrize(
    ("currency", "number", "minor"),
    [("KRW", 50_000, 50_000), ("KRW", 50_000.0, 50_000), ("JPY", 700, 700),
     ("USD", 10.1, 1010), ("USD", 10, 1000), ("USD", 0.07, 7)],
)  # fmt: skip
def test_amounts_are_whole_minor_units(currency, number, minor):
    payment = read(currency=currency, totalAmount=number, balanceAmount=number)
    assert payment.amount == Money(minor, currency)


@given(st.integers(min_value=0, max_value=LARGEST), st.sampled_from(["KRW", "JPY", "USD"]))
def test_an_amount_comes_back_as_it_was_sent(amount, currency):
    sent = json.loads(json.dumps(number_of(Money(amount, currency))))
    payment = read(currency=currency, totalAmount=sent, balanceAmount=sent)
    assert payment.amount == Money(amount, currency)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(BASE)), ANYTHING))
def test_whatever_a_document_holds_it_is_a_payment_or_not_understood(members):
    try:
        payment = read(**members)
    except NotUnderstood:
        return
    assert payment.order_id == "order-1"
    assert 0 <= payment.refunded.amount <= payment.amount.amount
