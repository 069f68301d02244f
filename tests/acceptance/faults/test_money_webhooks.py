"""Webhooks that come twice, late, in another order or from somebody else, at a running site."""

import json
import time
from uuid import uuid4

import pytest

from payments.sandbox.webhooks import signature
from tests.support.audited_site import await_clean
from tests.support.card_site import (
    NEVER,
    POINTS,
    PRICE,
    Desk,
    agreed,
    amid_the_confirm,
    api_workers,
    begun,
    confirmed,
    look_up_now,
)
from tests.support.shopper import Shopper
from tests.support.site import Sale, Site
from tests.support.waiting import await_that

WEBHOOKS = "/api/v1/webhooks/payments/"


def notices(site: Site, order_id: str) -> list[tuple[str, bool]]:
    """Return the id of each webhook that was kept for an order, and whether it was handled."""
    return site.rows(
        "SELECT notice_id, handled_at IS NOT NULL FROM payments_gatewaynotice WHERE order_id = %s",
        order_id,
    )


def await_handled(site: Site, order_id: str, number: int) -> None:
    """Wait until so many webhooks of an order have come and led to their look-up."""

    def are_handled() -> bool:
        kept = notices(site, order_id)
        assert len(kept) <= number
        return len(kept) == number and all(handled for _, handled in kept)

    await_that(are_handled, f"{number} webhooks are handled", seconds=60)


def outcome(site: Site, payment: dict) -> tuple[str, str]:
    """Return the state of a payment, and why it failed."""
    statement = "SELECT status, failure_code FROM payments_payment WHERE id = %s"
    return site.rows(statement, payment["id"])[0]


def tickets(site: Site, payment: dict) -> int:
    statement = "SELECT count(*) FROM tickets_ticket WHERE reservation_id = %s"
    return site.rows(statement, payment["reservation"]["id"])[0][0]


def send(
    site: Site,
    order_id: str,
    *,
    id_: str = "",
    secret: str = "",
    age: int = 0,
    changed: bool = False,
) -> int:
    """Send a webhook as the gateway does, by default with its secret and of now."""
    body = json.dumps(
        {"createdAt": "2026-11-26T10:00:00+09:00", "data": {"orderId": order_id, "status": "DONE"}}
    ).encode()
    id_, moment = id_ or f"evt_{uuid4()}", int(time.time()) - age
    key = secret or site.env["PAYMENT_WEBHOOK_SECRETS"].partition(",")[0]
    headers = {
        "Content-Type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(moment),
        "webhook-signature": signature(key, id_, moment, body),
    }
    if changed:
        body = body.replace(b"DONE", b"PAID")
    return site.http().post(WEBHOOKS, content=body, headers=headers).status_code


def in_doubt(
    site: Site, sale: Sale, desk: Desk, *, webhook_after: float
) -> tuple[Shopper, dict, str]:
    """Return an attempt whose money was taken unheard; nobody looks it up before a webhook comes.

    The webhook of the capture comes after so many seconds. Returns the payment key too.
    """
    shopper, payment = begun(site, sale, points_amount=POINTS)
    key, order = agreed(payment), payment["order_id"]
    desk.fault("reset", call="confirm", order_id=order)
    desk.fault("webhook_reorder", order_id=order, seconds=webhook_after)
    assert confirmed(shopper, payment, key).json()["status"] == "PROCESSING"
    later = "UPDATE payments_payment SET resolve_after = now() + interval '1 hour'"
    assert site.rows(f"{later} WHERE id = %s AND status = 'UNKNOWN' RETURNING id", payment["id"])
    return shopper, payment, key


@pytest.mark.parametrize("same", [True, pytest.param(False, marks=pytest.mark.control)])
def test_a_webhook_that_comes_again_is_kept_once(site: Site, sale: Sale, desk: Desk, same: bool):
    """Control: under another id the same words are another event."""
    shopper, payment = begun(site, sale, points_amount=POINTS)
    order = payment["order_id"]
    desk.fault("webhook_duplicate", order_id=order)
    assert confirmed(shopper, payment, agreed(payment)).json()["status"] == "PAID"
    await_handled(site, order, 1)
    [(id_, _)] = notices(site, order)

    def are_both_taken() -> bool:
        return [one["taken"] for one in desk.webhooks(order) if one["id"] == id_] == [True, True]

    await_that(are_both_taken, "both deliveries are taken")
    assert send(site, order, id_=id_ if same else "") == 200  # and once more
    await_handled(site, order, 1 if same else 2)
    assert (outcome(site, payment), tickets(site, payment)) == (("PAID", ""), 1)
    assert desk.captured(order) == [PRICE - POINTS]
    assert shopper.balance() == 50_000 - POINTS
    await_clean(site)


def test_a_webhook_before_its_predecessor_finds_what_is_true(site: Site, sale: Sale, desk: Desk):
    """The gateway's desk gives the money back; that it was taken is announced afterwards."""
    shopper, payment, key = in_doubt(site, sale, desk, webhook_after=10)
    desk.give_back(key)
    given_back = ("FAILED", "refunded_by_gateway")
    await_that(lambda: outcome(site, payment) == given_back, "it is given back", seconds=60)
    await_handled(site, payment["order_id"], 2)
    assert (outcome(site, payment), tickets(site, payment)) == (given_back, 0)
    assert shopper.balance() == 50_000
    await_clean(site)


@pytest.mark.parametrize("believed", [False, pytest.param(True, marks=pytest.mark.control)])
def test_only_what_the_gateway_has_just_signed_is_heard(
    site: Site, sale: Sale, desk: Desk, believed: bool
):
    """Control: what is heard is looked up, and so the money is found."""
    _, payment, _ = in_doubt(site, sale, desk, webhook_after=NEVER)
    order = payment["order_id"]
    forged = [
        {"secret": "whsec-of-somebody-else-123456"},
        {"age": 600},
        {"age": -600},
        {"changed": True},
    ]
    assert {send(site, order, **how) for how in forged} == {401}
    assert (notices(site, order), outcome(site, payment)[0]) == ([], "UNKNOWN")
    if believed:
        assert send(site, order) == 200
    else:
        look_up_now(site, payment)
    await_that(lambda: outcome(site, payment)[0] == "PAID", "the money is found", seconds=60)
    assert len(notices(site, order)) == believed
    assert tickets(site, payment) == 1
    await_clean(site)


def test_what_a_webhook_says_is_not_believed(site: Site, sale: Sale, desk: Desk):
    _, payment = begun(site, sale, points_amount=POINTS)
    assert send(site, payment["order_id"]) == 200  # it says DONE
    await_handled(site, payment["order_id"], 1)
    assert (outcome(site, payment)[0], tickets(site, payment)) == ("CREATED", 0)
    assert desk.captured(payment["order_id"]) == []
    await_clean(site)


def test_a_reply_from_before_the_money_went_back_buys_nothing(site: Site, sale: Sale, desk: Desk):
    """The API is frozen while the gateway, which has the money, replies to its confirm."""
    workers = api_workers(site)

    def freeze(payment: dict, key: str) -> None:
        for worker in workers:
            worker.suspend()
        try:
            desk.give_back(key)
            look_up_now(site, payment)
            await_that(lambda: outcome(site, payment)[0] == "FAILED", "it is found", seconds=60)
        finally:
            for worker in workers:
                worker.resume()

    shopper, payment, answer = amid_the_confirm(site, desk, sale, seconds=8, then=freeze)
    assert answer is not None
    assert (answer.status_code, answer.json()["status"]) == (200, "FAILED"), answer.text
    assert outcome(site, payment) == ("FAILED", "refunded_by_gateway")
    assert (tickets(site, payment), shopper.balance()) == (0, 50_000)
    await_clean(site)
