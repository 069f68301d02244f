"""GET points/, points/entries/; POST and GET points/charges/."""

import json
from pathlib import Path

import jsonschema
import pytest
from django.conf import settings as django_settings

from payments import gateways, policy
from payments.models import Charge
from points.models import Account, Transfer
from points.policy import CHARGES, SYSTEM_ACCOUNTS
from points.queries import system_balance
from tests.support.factories import make_user
from tests.support.money import CHARGES as CHARGES_PATH
from tests.support.money import balance_of, give_points, outbox, post

pytestmark = pytest.mark.usefixtures("charging")
POINTS = "/api/v1/points/"
ENTRIES = "/api/v1/points/entries/"
WON = "KRW"


def test_who_has_charged_nothing_has_no_points(as_fan, fan):
    answer = as_fan(fan).get(POINTS)
    assert answer.status_code == 200
    assert answer.json() == {"balance": {"amount": 0, "currency": WON}}


def test_nobody_else_sees_points(api):
    for path in (POINTS, ENTRIES, CHARGES_PATH):
        assert api.get(path).status_code == 401


def test_the_first_charge_opens_the_account(as_fan, fan):
    assert not Account.objects.filter(pk=fan.pk).exists()
    answer = post(as_fan(fan), CHARGES_PATH, {"amount": 50_000})
    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert body["status"] == "PAID"
    assert body["amount"] == {"amount": 50_000, "currency": WON}
    assert body["balance"] == {"amount": 50_000, "currency": WON}
    assert as_fan(fan).get(POINTS).json() == {"balance": {"amount": 50_000, "currency": WON}}


def test_charges_add_up_and_come_out_of_the_charges_account(as_fan, fan):
    client = as_fan(fan)
    for amount in (1_000, 2_000, 3_000):
        assert post(client, CHARGES_PATH, {"amount": amount}).status_code == 201
    assert balance_of(fan) == 6_000
    assert system_balance(account_id=CHARGES).amount == -6_000


def test_a_charge_is_published_once_and_as_its_schema_says(as_fan, fan):
    charge = post(as_fan(fan), CHARGES_PATH, {"amount": 7_000}).json()
    (event,) = outbox("points.charged")
    schema = Path(django_settings.BASE_DIR, "docs/events/points.charged.json").read_text()
    jsonschema.validate(event.data, json.loads(schema))
    transfer = Transfer.objects.get(kind="charge", reference=charge["id"])
    assert event.topic == "frontrow.points.v1"
    assert event.aggregate_id == fan.pk
    assert event.data == {
        "transfer_id": str(transfer.pk),
        "user_id": str(fan.pk),
        "amount": {"amount": 7_000, "currency": WON},
        "balance_after": {"amount": 7_000, "currency": WON},
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"amount": policy.CHARGE_MINIMUM - 1},
        {"amount": policy.CHARGE_MAXIMUM + 1},
        {"amount": 0},
        {"amount": -5_000},
        {"amount": 10**40},
        {"amount": "50000"},
        {"amount": 50_000.0},
        {"amount": True},
        {"amount": None},
        {"amount": {"amount": 50_000, "currency": WON}},
        {"amount": 50_000, "currency": WON},
        {"amount": 50_000, "return_url": "https://elsewhere.example/back"},
        {"amount": 50_000, "return_url": "javascript:alert(1)"},
        {"amount": 50_000, "return_url": "//elsewhere.example"},
        {"amount": 50_000, "return_url": "http://[broken"},
    ],
)
def test_a_malformed_charge_is_refused_and_charges_nothing(as_fan, fan, body):
    answer = post(as_fan(fan), CHARGES_PATH, body)
    assert answer.status_code == 400
    assert answer.json()["code"] == "validation_failed"
    assert answer.json()["errors"][0]["pointer"].startswith("/")
    assert not Charge.objects.exists()
    assert balance_of(fan) == 0


@pytest.mark.parametrize("amount", [policy.CHARGE_MINIMUM, policy.CHARGE_MAXIMUM])
def test_the_bounds_themselves_are_fine(as_fan, fan, amount):
    assert post(as_fan(fan), CHARGES_PATH, {"amount": amount}).status_code == 201


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/done?order=1",
        "HTTPS://SHOP.EXAMPLE/done",
        "example-app:charged",
        "https://shop.example",
    ],
)
def test_a_return_url_may_lead_to_places_on_the_list(as_fan, fan, settings, url):
    settings.RETURN_URLS_ALLOWED = frozenset({"https://shop.example", "example-app:"})
    answer = post(as_fan(fan), CHARGES_PATH, {"amount": 1_000, "return_url": url})
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example.elsewhere.example/",
        "https://shop.example@elsewhere.example/",
        "https://elsewhere.example\\@shop.example/",
        "https://shop.example:444/",
        "http://shop.example/",
        " https://elsewhere.example",
        "example-app2:charged",
    ],
)
def test_a_return_url_can_not_be_dressed_up_as_one_on_the_list(as_fan, fan, settings, url):
    settings.RETURN_URLS_ALLOWED = frozenset({"https://shop.example", "example-app:"})
    answer = post(as_fan(fan), CHARGES_PATH, {"amount": 1_000, "return_url": url})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/return_url"


def test_without_a_gateway_nobody_gets_points_for_nothing(as_fan, fan, monkeypatch):
    monkeypatch.setattr(gateways, "current", lambda: None)
    answer = post(as_fan(fan), CHARGES_PATH, {"amount": 50_000})
    assert answer.status_code == 503
    assert answer.json()["code"] == "charging_unavailable"
    assert answer["Content-Type"] == "application/problem+json"
    assert balance_of(fan) == 0
    assert not Charge.objects.exists()


def test_a_charge_is_shown_with_the_balance_it_left(as_fan, fan):
    client = as_fan(fan)
    first = post(client, CHARGES_PATH, {"amount": 1_000}).json()
    post(client, CHARGES_PATH, {"amount": 9_000})
    answer = client.get(f"{CHARGES_PATH}{first['id']}/")
    assert answer.status_code == 200
    assert answer.json() == first


def test_others_charges_are_not_found(as_fan, fan):
    charge = post(as_fan(fan), CHARGES_PATH, {"amount": 1_000}).json()
    answer = as_fan(make_user()).get(f"{CHARGES_PATH}{charge['id']}/")
    assert answer.status_code == 404
    assert answer.json()["code"] == "charge_not_found"


def test_the_ledger_is_ones_own_newest_first_and_paged(as_fan, fan):
    client = as_fan(fan)
    other = make_user()
    give_points(other, 999)
    charges = [post(client, CHARGES_PATH, {"amount": n * 1_000}).json() for n in range(1, 6)]
    page = client.get(ENTRIES, {"page_size": 3}).json()
    assert page["previous"] is None
    rest = client.get(page["next"]).json()
    assert rest["next"] is None
    entries = page["results"] + rest["results"]
    assert [entry["reference"] for entry in entries] == [c["id"] for c in reversed(charges)]
    assert [entry["amount"]["amount"] for entry in entries] == [5_000, 4_000, 3_000, 2_000, 1_000]
    assert [entry["balance_after"]["amount"] for entry in entries] == [
        15_000,
        10_000,
        6_000,
        3_000,
        1_000,
    ]
    assert {entry["kind"] for entry in entries} == {"charge"}
    assert entries[0]["created_at"].endswith("Z")


def test_a_page_of_the_ledger_costs_one_statement(as_fan, fan, django_assert_num_queries):
    client = as_fan(fan)
    for _ in range(3):
        post(client, CHARGES_PATH, {"amount": 1_000})
    with django_assert_num_queries(1):
        assert len(client.get(ENTRIES).json()["results"]) == 3


def test_system_accounts_are_there_and_store_no_balance():
    accounts = Account.objects.filter(user=None)
    assert {account.pk: account.name for account in accounts} == SYSTEM_ACCOUNTS
    assert {account.balance for account in accounts} == {None}
