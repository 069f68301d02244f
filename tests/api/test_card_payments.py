"""Payments by card: begin, the gateway's page, confirm, abandon."""

from urllib.parse import parse_qs, urlsplit

import pytest

from payments.models import Payment
from reservations.models import Reservation, SeatInventory
from tests.support.concurrency import at_once
from tests.support.factories import make_performance, make_user
from tests.support.gateways import Fault
from tests.support.money import (
    PAYMENTS,
    balance_of,
    clients_of,
    give_points,
    hold,
    new_key,
    outbox,
    pay,
    post,
)
from tickets.models import Ticket

PRICE = 100_000
POINTS = 30_000


@pytest.fixture
def performance(db_ready):
    return make_performance(seats=10, price=PRICE)


@pytest.fixture
def held(fan, performance):
    give_points(fan, 10 * PRICE)
    return hold(fan, performance, seats=1)


def card(client, reservation_id, **more):
    return pay(client, reservation_id, method="CARD", **more)


def confirm(client, payment, *, key="", payment_key=""):
    body = {"payment_key": payment_key or f"key-of-{payment['order_id']}"}
    return post(client, f"{PAYMENTS}{payment['id']}/confirm/", body, key=key)


def abandon(client, payment):
    return client.post(f"{PAYMENTS}{payment['id']}/abandon/")


def shown(client, payment):
    return client.get(f"{PAYMENTS}{payment['id']}/").json()


def seats_of(reservation_id):
    rows = SeatInventory.objects.filter(reservation_id=reservation_id)
    return [row.status for row in rows]


def test_a_fan_pays_by_card_on_the_gateways_page(as_fan, fan, held, gateway):
    client = as_fan(fan)
    answer = card(client, held.id, return_url="http://127.0.0.1:8000/done?x=1")
    assert answer.status_code == 201, answer.json()
    begun = answer.json()
    assert begun["status"] == "REQUIRES_ACTION"
    assert begun["checkout_url"] == f"https://pay.example/{begun['order_id']}"
    assert begun["amount"]["amount"] == PRICE
    assert "failure" not in begun
    back = urlsplit(gateway.urls[begun["order_id"]])
    assert parse_qs(back.query) == {"x": ["1"], "payment": [begun["id"]]}
    assert shown(client, begun) == begun
    assert gateway.money_of(begun["order_id"]) == 0

    paid = confirm(client, begun, payment_key=gateway.approve(begun["order_id"]))
    assert paid.status_code == 200, paid.json()
    assert paid.json()["status"] == "PAID"
    assert "checkout_url" not in paid.json()
    assert paid.json()["reservation"]["status"] == "CONFIRMED"
    assert gateway.money_of(begun["order_id"]) == PRICE
    assert seats_of(held.id) == ["RESERVED"]
    assert Ticket.objects.filter(reservation_id=held.id).count() == 1
    assert [len(outbox(name)) for name in ("payment.paid", "reservation.confirmed")] == [1, 1]
    assert shown(client, begun) == paid.json()


def test_points_and_card_pay_together(as_fan, fan, held, gateway):
    client = as_fan(fan)
    begun = card(client, held.id, points_amount=POINTS).json()
    assert balance_of(fan) == 10 * PRICE - POINTS  # debited at once
    assert gateway.ledger[begun["order_id"]].amount.amount == PRICE - POINTS
    assert confirm(client, begun).json()["status"] == "PAID"
    assert balance_of(fan) == 10 * PRICE - POINTS
    [event] = outbox("payment.paid")
    assert event.data["amount"]["amount"] == PRICE
    assert event.data["points_amount"]["amount"] == POINTS


@pytest.mark.parametrize("part", [PRICE, PRICE + 1])
def test_a_card_pays_some_of_it(as_fan, fan, held, gateway, part):
    answer = card(as_fan(fan), held.id, points_amount=part)
    assert answer.status_code == 400
    assert answer.json()["code"] == "points_amount_mismatch"
    assert not Payment.objects.exists()


def test_too_few_points_for_the_part_begin_nothing(as_fan, performance, gateway):
    poor = make_user()
    held = hold(poor, performance, seats=1)
    answer = card(as_fan(poor), held.id, points_amount=1)
    assert answer.json()["code"] == "insufficient_points"
    assert not Payment.objects.exists()
    assert gateway.calls == []


def test_a_decline_gives_the_points_back_and_leaves_the_hold(as_fan, fan, held, gateway):
    client = as_fan(fan)
    begun = card(client, held.id, points_amount=POINTS).json()
    ends = Reservation.objects.get(pk=held.id).expires_at
    gateway.fail("confirm", Fault.DECLINE)
    answer = confirm(client, begun)
    assert answer.status_code == 200
    assert answer.json()["status"] == "FAILED"
    assert answer.json()["failure"] == {
        "code": "card_declined",
        "message": "The card was declined.",
        "charged": False,
    }
    assert balance_of(fan) == 10 * PRICE
    assert Reservation.objects.get(pk=held.id).expires_at == ends
    [event] = outbox("payment.failed")
    assert event.data["failure_code"] == "card_declined"
    assert len(outbox("points.refunded")) == 1
    again = card(client, held.id).json()
    assert confirm(client, again).json()["status"] == "PAID"


def test_a_gateway_that_is_away_begins_nothing_and_the_same_key_may_try_again(
    as_fan, fan, held, gateway
):
    client, key = as_fan(fan), new_key()
    gateway.fail("open", Fault.NOT_SENT, Fault.NOT_SENT)
    for _ in range(2):
        answer = card(client, held.id, points_amount=POINTS, key=key)
        assert answer.status_code == 503
        assert answer.json()["code"] == "gateway_unavailable"
        assert int(answer["Retry-After"]) > 0
        assert balance_of(fan) == 10 * PRICE
    begun = card(client, held.id, points_amount=POINTS, key=key)
    assert begun.status_code == 201, begun.json()
    assert confirm(client, begun.json()).json()["status"] == "PAID"
    assert balance_of(fan) == 10 * PRICE - POINTS


def test_a_confirm_that_was_not_sent_charges_nothing_and_may_be_repeated(
    as_fan, fan, held, gateway
):
    client, key = as_fan(fan), new_key()
    begun = card(client, held.id, points_amount=POINTS).json()
    gateway.fail("confirm", Fault.NOT_SENT)
    answer = confirm(client, begun, key=key)
    assert answer.status_code == 503
    assert answer.json()["code"] == "gateway_unavailable"
    assert shown(client, begun)["status"] == "REQUIRES_ACTION"
    assert confirm(client, begun, key=key).json()["status"] == "PAID"
    assert balance_of(fan) == 10 * PRICE - POINTS


def test_what_the_gateway_did_not_say_is_processing(as_fan, fan, held, gateway):
    client = as_fan(fan)
    begun = card(client, held.id).json()
    gateway.fail("confirm", Fault.HANG)
    answer = confirm(client, begun)
    assert answer.status_code == 200
    assert answer.json()["status"] == "PROCESSING"
    assert shown(client, begun)["status"] == "PROCESSING"
    assert abandon(client, begun).json()["code"] == "payment_in_progress"
    assert card(client, held.id).json()["code"] == "payment_in_progress"
    assert pay(client, held.id).json()["code"] == "payment_in_progress"
    released = client.delete(f"/api/v1/reservations/{held.id}/")
    assert released.json()["code"] == "payment_in_progress"


def test_a_new_attempt_abandons_the_one_that_nobody_confirmed(as_fan, fan, held, gateway):
    client = as_fan(fan)
    first = card(client, held.id, points_amount=POINTS).json()
    second = card(client, held.id).json()
    assert balance_of(fan) == 10 * PRICE
    over = shown(client, first)
    assert (over["status"], over["failure"]["code"]) == ("FAILED", "abandoned")
    late = confirm(client, first)
    assert late.json()["status"] == "FAILED"
    assert gateway.money_of(first["order_id"]) == 0
    assert confirm(client, second).json()["status"] == "PAID"


def test_points_pay_although_a_page_of_the_card_is_open(as_fan, fan, held, gateway):
    client = as_fan(fan)
    first = card(client, held.id, points_amount=POINTS).json()
    assert pay(client, held.id).json()["status"] == "PAID"
    assert balance_of(fan) == 9 * PRICE
    assert shown(client, first)["status"] == "FAILED"


def test_abandoning_frees_the_reservation_and_may_be_repeated(as_fan, fan, held, gateway):
    client = as_fan(fan)
    begun = card(client, held.id, points_amount=POINTS).json()
    assert client.delete(f"/api/v1/reservations/{held.id}/").status_code == 409
    for _ in range(2):
        answer = abandon(client, begun)
        assert answer.status_code == 200
        assert answer.json()["failure"]["code"] == "abandoned"
        assert balance_of(fan) == 10 * PRICE
    assert client.delete(f"/api/v1/reservations/{held.id}/").status_code == 204


def test_others_can_neither_see_nor_touch_it(as_fan, fan, held, gateway):
    begun = card(as_fan(fan), held.id).json()
    other = as_fan(make_user())
    for answer in (
        other.get(f"{PAYMENTS}{begun['id']}/"),
        confirm(other, begun),
        abandon(other, begun),
    ):
        assert answer.status_code == 404
        assert answer.json()["code"] == "payment_not_found"
    assert gateway.calls == ["open"]


def test_the_reservation_shows_its_attempt(as_fan, fan, held, gateway):
    client = as_fan(fan)

    def on_reservation():
        return client.get(f"/api/v1/reservations/{held.id}/").json()["payment"]

    begun = card(client, held.id).json()
    assert on_reservation() == {"id": begun["id"], "status": "REQUIRES_ACTION"}
    confirm(client, begun)
    assert on_reservation() == {"id": begun["id"], "status": "PAID"}


def test_confirming_again_charges_once(as_fan, fan, held, gateway):
    client = as_fan(fan)
    begun = card(client, held.id).json()
    answers = [confirm(client, begun) for _ in range(3)]
    assert {answer.json()["status"] for answer in answers} == {"PAID"}
    assert gateway.calls.count("confirm") == 1


@pytest.mark.parametrize("payment_key", ["", "x" * 201, "a b", "키", 7])
def test_a_malformed_key_is_refused(as_fan, fan, held, gateway, payment_key):
    client = as_fan(fan)
    begun = card(client, held.id).json()
    answer = post(client, f"{PAYMENTS}{begun['id']}/confirm/", {"payment_key": payment_key})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/payment_key"
    assert shown(client, begun)["status"] == "REQUIRES_ACTION"


def test_the_same_key_fifty_times_at_once_charges_once(as_fan, fan, held, gateway):
    begin_key, confirm_key = new_key(), new_key()
    clients = clients_of(as_fan, fan, 25)
    begun = at_once([lambda c=c: card(c, held.id, key=begin_key) for c in clients])
    made = [answer.json() for answer in begun if answer.status_code == 201]
    assert len({payment["id"] for payment in made}) == 1
    confirmed = at_once([lambda c=c: confirm(c, made[0], key=confirm_key) for c in clients * 2])
    assert {answer.status_code for answer in confirmed} <= {200, 409}
    assert Payment.objects.get().status == "PAID"
    assert gateway.ledger[made[0]["order_id"]].captures == 1
    assert gateway.calls.count("confirm") == 1
