"""Cards over the whole stack: the gateway's page, its webhooks, and faults while processes run."""

import json
from uuid import uuid4

from tests.support.card_site import PRICE, Desk, agreed, begun, confirmed
from tests.support.shopper import Shopper
from tests.support.site import Sale, Site
from tests.support.waiting import await_that


def test_a_card_pays_for_a_seat(site: Site, sale: Sale, desk: Desk):
    shopper, payment = begun(site, sale)
    answer = confirmed(shopper, payment, agreed(payment))
    assert (answer.status_code, answer.json()["status"]) == (200, "PAID"), answer.text
    reservation = shopper.send("GET", f"/reservations/{payment['reservation']['id']}/").json()
    assert reservation["status"] == "CONFIRMED"
    tickets = shopper.send("GET", f"/reservations/{reservation['id']}/tickets/").json()
    assert len(tickets["results"]) == 1
    assert desk.captured(payment["order_id"]) == [PRICE]
    await_that(
        lambda: (rows := desk.webhooks(payment["order_id"])) and all(row["taken"] for row in rows),
        "the site has taken the webhooks",
        seconds=60,
    )


def test_a_gateway_that_hangs_after_charging_is_asked_what_it_did(
    site: Site, sale: Sale, desk: Desk
):
    shopper, payment = begun(site, sale, points_amount=20_000)
    key = agreed(payment)
    desk.fault("reset", call="confirm", order_id=payment["order_id"])
    answer = confirmed(shopper, payment, key)
    assert answer.json()["status"] in {"PROCESSING", "PAID"}, answer.text

    def is_paid() -> bool:
        return shopper.send("GET", f"/payments/{payment['id']}/").json()["status"] == "PAID"

    await_that(is_paid, "the reconciler has found the money", seconds=60)
    assert desk.captured(payment["order_id"]) == [PRICE - 20_000]
    assert shopper.balance() == 30_000


def test_a_declined_card_charges_nothing_and_the_fan_pays_otherwise(
    site: Site, sale: Sale, desk: Desk
):
    shopper, payment = begun(site, sale, points_amount=20_000)
    desk.fault("decline", call="confirm", order_id=payment["order_id"])
    declined = confirmed(shopper, payment, agreed(payment)).json()
    assert declined["status"] == "FAILED", json.dumps(declined)
    assert declined["failure"]["charged"] is False
    assert desk.captured(payment["order_id"]) == []
    assert shopper.balance() == 50_000


def test_without_the_gateway_points_go_on_and_a_card_is_not_charged(site: Site, sale: Sale):
    [fan] = site.fans(1, points=PRICE)
    shopper = Shopper(site, fan)
    held = shopper.hold(sale.performance_id, sale.seat_ids[:1]).json()
    with site.without("sandbox", verb="kill"):
        card = shopper.http.post(
            "/api/v1/payments/",
            json={"reservation_id": held["id"], "method": "CARD"},
            headers={"Idempotency-Key": str(uuid4())},
        )
        assert (card.status_code, card.json()["code"]) == (503, "gateway_unavailable"), card.text
        assert shopper.pay(held["id"]).json()["status"] == "PAID"
