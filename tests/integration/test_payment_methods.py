"""A payment is taken by the way of its own method, or not at all."""

import pytest
from django.db import IntegrityError, transaction

from kernel import clock
from kernel.money import Money
from payments import queries
from payments.models import NAME_LENGTH, Payment
from payments.usecases import charging, checkout
from payments.usecases.checkout import methods
from tests.support.factories import make_performance
from tests.support.money import balance_of, begin, give_points, hold

PRICE = 100_000


@pytest.fixture
def held(db_ready, fan):
    give_points(fan, 10 * PRICE)
    return hold(fan, make_performance(seats=4, price=PRICE), seats=1)


class _EverythingIsPoints(dict):
    """The table as it was: whatever isn't a card is paid by points."""

    def get(self, method, default=None):
        return methods._pay_by_points


def attempt(held, fan, **fields) -> Payment:
    """Write an attempt of a method that no code knows yet."""
    defaults = {
        "reservation_id": held.id,
        "user": fan,
        "status": Payment.Status.CREATED,
        "amount": PRICE,
        "points_amount": 0,
        "request_key": "0" * 64,
        "created_at": clock.now(),
    }
    with transaction.atomic():
        return Payment.objects.create(**(defaults | fields))


def test_every_method_on_offer_has_a_way_of_its_own():
    assert set(methods._METHODS) == set(Payment.Method.values)
    assert len(set(methods._METHODS.values())) == len(Payment.Method.values)


def test_what_a_request_has_made_is_found_by_its_own_key_alone(held, fan, gateway):
    began = begin(fan, held.id)
    bought = charging.charge(
        user_id=fan.pk,
        amount=Money(1_000),
        request_key="c" * 64,
        resumed=False,
        now=clock.now(),
    )
    paid = Payment.objects.get()
    assert queries.payment_of_request(request_key=paid.request_key).id == began.id
    assert queries.charge_of_request(request_key="c" * 64).id == bought.id
    for find in (queries.payment_of_request, queries.charge_of_request):
        assert find(request_key="n" * 64) is None


def test_an_unknown_method_is_refused_before_anything_begins(held, fan):
    with pytest.raises(checkout.PaymentMethodUnknown):
        begin(fan, held.id, method="VOUCHER")
    assert balance_of(fan) == 10 * PRICE
    assert not Payment.objects.exists()
    assert begin(fan, held.id).status == "PAID"


@pytest.mark.control
def test_without_the_table_an_unknown_method_takes_the_points(held, fan, monkeypatch):
    monkeypatch.setattr(methods, "_METHODS", _EverythingIsPoints())
    begin(fan, held.id, method="VOUCHER")
    assert balance_of(fan) == 9 * PRICE


@pytest.mark.parametrize("points_amount", [0, PRICE // 2, PRICE])
def test_the_table_of_payments_has_room_for_a_new_method(held, fan, points_amount):
    name = "BANK_TRANSFER_LATER_"
    assert len(name) == NAME_LENGTH
    assert attempt(held, fan, method=name, points_amount=points_amount).pk


@pytest.mark.parametrize(
    ("method", "points_amount"),
    [("POINTS", PRICE - 1), ("POINTS", PRICE + 1), ("OTHER", PRICE + 1)],
)
def test_points_pay_all_of_their_own_method_and_never_more(held, fan, method, points_amount):
    with pytest.raises(IntegrityError, match="payments_payment_points_fit"):
        attempt(held, fan, method=method, points_amount=points_amount)
