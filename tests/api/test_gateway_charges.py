"""Charges of points through the gateway: at once, by its page, and found out later."""

from datetime import timedelta

import pytest

from kernel import clock
from payments import reconciliation
from payments.models import Charge
from points.policy import CHARGES as CHARGES_ACCOUNT
from points.queries import system_balance
from tests.support.concurrency import at_once
from tests.support.factories import make_user
from tests.support.gateways import Fault
from tests.support.money import CHARGES, balance_of, clients_of, new_key, outbox, post

AMOUNT = 50_000


def charge(client, *, key="", **more):
    return post(client, CHARGES, {"amount": AMOUNT, **more}, key=key)


def confirm(client, begun, *, key=""):
    body = {"payment_key": f"key-of-{begun['order_id']}"}
    return post(client, f"{CHARGES}{begun['id']}/confirm/", body, key=key)


def later(**delta):
    return reconciliation.reconcile(now=clock.now() + timedelta(**delta))


def test_what_needs_no_page_is_paid_at_once(as_fan, fan, gateway):
    gateway.approves_at_once = True
    answer = charge(as_fan(fan))
    assert answer.status_code == 201, answer.json()
    assert answer.json()["status"] == "PAID"
    assert answer.json()["balance"]["amount"] == AMOUNT == balance_of(fan)
    row = Charge.objects.get()
    assert gateway.money_of(row.order_id) == AMOUNT
    assert len(outbox("points.charged")) == 1


def test_a_charge_is_paid_on_the_gateways_page(as_fan, fan, gateway):
    client = as_fan(fan)
    begun = charge(client, return_url="http://127.0.0.1:8000/points").json()
    assert begun["status"] == "REQUIRES_ACTION"
    assert begun["checkout_url"].endswith(begun["order_id"])
    assert gateway.urls[begun["order_id"]].endswith(f"/points?charge={begun['id']}")
    assert client.get(f"{CHARGES}{begun['id']}/").json() == begun
    assert balance_of(fan) == 0
    paid = confirm(client, begun)
    assert paid.status_code == 200, paid.json()
    assert (paid.json()["status"], balance_of(fan)) == ("PAID", AMOUNT)
    assert confirm(client, begun).json()["status"] == "PAID"
    assert gateway.calls.count("confirm") == 1


def test_a_decline_buys_nothing(as_fan, fan, gateway):
    client = as_fan(fan)
    begun = charge(client).json()
    gateway.fail("confirm", Fault.DECLINE)
    answer = confirm(client, begun).json()
    assert (answer["status"], answer["failure"]["code"]) == ("FAILED", "card_declined")
    assert balance_of(fan) == 0


@pytest.mark.parametrize("at_once_rule", [True, False])
def test_a_gateway_that_is_away_charges_nothing_and_the_same_key_may_try_again(
    as_fan, fan, gateway, at_once_rule
):
    gateway.approves_at_once = at_once_rule
    client, key = as_fan(fan), new_key()
    gateway.fail("confirm" if at_once_rule else "open", Fault.NOT_SENT)
    answer = charge(client, key=key)
    assert answer.status_code == 503
    assert answer.json()["code"] == "charging_unavailable"
    again = charge(client, key=key)
    assert again.status_code == 201, again.json()
    assert again.json()["status"] == ("PAID" if at_once_rule else "REQUIRES_ACTION")


@pytest.mark.parametrize(("fault", "ends"), [(Fault.HANG, "PAID"), (Fault.LOST, "FAILED")])
def test_what_the_gateway_did_not_say_is_found_out(as_fan, fan, gateway, fault, ends):
    gateway.approves_at_once = True
    gateway.fail("confirm", fault)
    client = as_fan(fan)
    begun = charge(client).json()
    assert begun["status"] == "PROCESSING"
    later(hours=1)
    shown = client.get(f"{CHARGES}{begun['id']}/").json()
    assert shown["status"] == ends
    assert balance_of(fan) == (AMOUNT if ends == "PAID" else 0)


def test_money_that_comes_after_it_failed_buys_the_points_all_the_same(as_fan, fan, gateway):
    begun = charge(as_fan(fan)).json()
    later(hours=1)
    assert Charge.objects.get().status == "FAILED"
    gateway.capture(begun["order_id"])
    later(hours=2)
    later(hours=3)
    assert (Charge.objects.get().status, balance_of(fan)) == ("PAID", AMOUNT)
    assert system_balance(account_id=CHARGES_ACCOUNT).amount == -AMOUNT


def test_a_crash_after_the_money_heals_and_charges_once(as_fan, fan, gateway):
    gateway.approves_at_once = True
    gateway.during = lambda call: call == "confirm" and 1 / 0
    with pytest.raises(ZeroDivisionError):
        charge(as_fan(fan))
    assert (Charge.objects.get().status, balance_of(fan)) == ("REQUESTED", 0)
    gateway.during = lambda call: None
    later(minutes=5)
    later(minutes=6)
    assert balance_of(fan) == AMOUNT
    assert len(outbox("points.charged")) == 1


def test_the_same_key_at_once_charges_once(as_fan, fan, gateway):
    gateway.approves_at_once = True
    key = new_key()
    answers = at_once([lambda c=c: charge(c, key=key) for c in clients_of(as_fan, fan, 20)])
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert balance_of(fan) == AMOUNT
    assert Charge.objects.count() == 1
    assert gateway.calls.count("confirm") == 1


def test_others_can_not_confirm_it(as_fan, fan, gateway):
    begun = charge(as_fan(fan)).json()
    answer = confirm(as_fan(make_user()), begun)
    assert answer.status_code == 404
    assert answer.json()["code"] == "charge_not_found"
