"""The idempotency database is restored to before a payment that the primary knows.

A repeated request gets the payment that was made: it is found by its `request_key`.
"""

import pytest

from idempotency.models import Record
from payments.models import Cancellation, Charge, Payment
from tests.support.cancelling import buy
from tests.support.factories import make_performance
from tests.support.money import CHARGES, PAYMENTS, balance_of, give_points, hold, new_key, pay, post

pytestmark = pytest.mark.usefixtures("charging")


class PayingByPoints:
    def __init__(self, fan, client):
        give_points(fan, 1_000)
        held = hold(fan, make_performance(seats=2, price=300), seats=2)
        self.path, self.body = PAYMENTS, {"reservation_id": str(held.id), "method": "POINTS"}
        self.balance, self.rows = 400, Payment


class ConfirmingACard:
    def __init__(self, fan, client):
        held = hold(fan, make_performance(seats=2, price=300), seats=2)
        begun = pay(client, held.id, method="CARD").json()
        self.path = f"{PAYMENTS}{begun['id']}/confirm/"
        self.body = {"payment_key": f"key-of-{begun['order_id']}"}
        self.balance, self.rows = 0, Payment


class ChargingPoints:
    def __init__(self, fan, client):
        self.path, self.body = CHARGES, {"amount": 5_000}
        self.balance, self.rows = 5_000, Charge


class GivingUp:
    def __init__(self, fan, client):
        give_points(fan, 1_000)
        bought = buy(fan, make_performance(seats=2, price=300))
        self.path, self.body = f"/api/v1/reservations/{bought.id}/cancel/", {}
        self.balance, self.rows = 1_000, Cancellation


def rows():
    return list(Record.objects.values())


def restore(older) -> None:
    """Bring the database of keys back to what it was."""
    Record.objects.all().delete()
    Record.objects.bulk_create(Record(**values) for values in older)


def running(record):
    """Return what a copy holds that was taken while the request ran."""
    return record | {"state": "RUNNING", "status": None, "body": "", "headers": {}}


@pytest.mark.parametrize("moment", ["before the request", "while it ran"])
@pytest.mark.parametrize("asked", [PayingByPoints, ConfirmingACard, ChargingPoints, GivingUp])
def test_money_moves_once_though_the_key_is_forgotten(as_fan, fan, charging, asked, moment):
    client, key = as_fan(fan), new_key()
    asked = asked(fan, client)
    older = rows()
    first = post(client, asked.path, asked.body, key=key)
    assert first.status_code in {200, 201}, first.json()
    captured = charging.calls.count("confirm")
    if moment == "while it ran":
        lapsed = {"lease_until": last_record().created_at}
        older = [running(record) | lapsed for record in rows()]
    restore(older)
    again = post(client, asked.path, asked.body, key=key)
    assert (again.status_code, again.json()["id"]) == (first.status_code, first.json()["id"])
    assert asked.rows.objects.count() == 1
    assert balance_of(fan) == asked.balance
    assert charging.calls.count("confirm") == captured


def last_record() -> Record:
    return Record.objects.latest("created_at")


@pytest.mark.control
def test_control_without_the_keys_in_the_rows_money_moves_twice(as_fan, fan):
    client, key = as_fan(fan), new_key()
    asked = ChargingPoints(fan, client)
    assert post(client, asked.path, asked.body, key=key).status_code == 201
    restore([])
    Charge.objects.update(request_key="0" * 64)
    assert post(client, asked.path, asked.body, key=key).status_code == 201
    assert balance_of(fan) == 10_000
