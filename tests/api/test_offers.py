"""payments/{id}/offer/accept/ and decline/: other seats for money that came late."""

import pytest

from kernel.ids import uuid7
from payments.models import Offer
from tests.support.factories import make_performance, make_user
from tests.support.money import PAYMENTS, new_key, post
from tests.support.offering import late_money
from tickets.models import Ticket

PRICE = 100_000


@pytest.fixture
def late(fan, gateway, db_ready):
    """Money that is found just now, after the hold: the offer runs by the real clock."""
    performance = make_performance(seats=20, price=PRICE, hold_seconds=60, payment_seconds=60)
    late = late_money(fan, performance, gateway)
    late.settle()
    return late


def answer(client, late, how, *, key=None, body=None):
    path = f"{PAYMENTS}{late.payment_id}/offer/{how}/"
    return post(client, path, body or {}, key=key or new_key())


def shown(client, late):
    return client.get(f"{PAYMENTS}{late.payment_id}/").json()


def test_the_payment_shows_the_offer_until_it_is_answered(as_fan, fan, late):
    client = as_fan(fan)
    found = shown(client, late)
    assert found["status"] == "PROCESSING"
    assert set(found["offer"]) == {"reservation_id", "seats", "until"}
    assert {(seat["row"], seat["number"]) for seat in found["offer"]["seats"]} == {
        ("2", "1"),
        ("2", "2"),
    }
    held = client.get(f"/api/v1/reservations/{found['offer']['reservation_id']}/").json()
    assert held["status"] == "PENDING"
    assert held["payment"] == {"id": str(late.payment_id), "status": "PROCESSING"}


def test_accept_answers_the_payment_and_is_replayed(as_fan, fan, late):
    client, key = as_fan(fan), new_key()
    first = answer(client, late, "accept", key=key)
    assert first.status_code == 200, first.json()
    assert (first.json()["status"], first.json()["offer"]) == ("PAID", None)
    assert first.json()["reservation"]["status"] == "CONFIRMED"
    again = answer(client, late, "accept", key=key)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert answer(client, late, "accept").json() == first.json()
    assert Ticket.objects.count() == 2
    refused = answer(client, late, "decline")
    assert (refused.status_code, refused.json()["code"]) == (409, "offer_expired")


def test_decline_gives_the_money_back(as_fan, fan, late):
    client = as_fan(fan)
    declined = answer(client, late, "decline")
    assert declined.status_code == 200
    assert (declined.json()["status"], declined.json()["offer"]) == ("PROCESSING", None)
    assert answer(client, late, "accept").json()["code"] == "offer_expired"


@pytest.mark.parametrize("how", ["accept", "decline"])
def test_what_is_no_answer_changes_nothing(as_fan, fan, late, api, how):
    url = f"{PAYMENTS}{late.payment_id}/offer/{how}/"
    client = as_fan(fan)
    assert post(client, url, {}, key=None).json()["code"] == "idempotency_key_required"
    assert answer(client, late, how, body={"seat_ids": []}).status_code == 400
    assert post(api, url, {}).status_code == 401
    assert answer(as_fan(make_user()), late, how).json()["code"] == "payment_not_found"
    assert client.get(url).status_code == 405
    assert Offer.objects.get().status == "OPEN"


def test_a_payment_without_an_offer_has_none(as_fan, fan, late):
    Offer.objects.all().delete()
    refused = answer(as_fan(fan), late, "accept")
    assert (refused.status_code, refused.json()["code"]) == (404, "offer_not_found")
    late.payment_id = uuid7()
    assert answer(as_fan(fan), late, "accept").json()["code"] == "payment_not_found"
