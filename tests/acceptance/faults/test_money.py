"""Faults between the gateway and us while processes run: money moves once, and an audit agrees."""

from uuid import uuid4

import httpx

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
    look_up_now,
    status,
)
from tests.support.concurrency import race
from tests.support.shopper import Shopper
from tests.support.site import Sale, Site
from tests.support.waiting import await_that


def sold_once(site: Site, desk: Desk, payment: dict, *, charged: int) -> bool:
    """Say that the money was taken once, and bought one ticket and one event."""
    reservation = payment["reservation"]["id"]
    assert status(site, payment) == "PAID"
    assert desk.captured(payment["order_id"]) == [charged]
    [(tickets,)] = site.rows(
        "SELECT count(*) FROM tickets_ticket WHERE reservation_id = %s AND status = 'VALID'",
        reservation,
    )
    [(events,)] = site.rows(
        "SELECT count(*) FROM events_outboxevent WHERE type = 'payment.paid' AND aggregate_id = %s",
        payment["id"],
    )
    assert (tickets, events) == (1, 1)
    return True


def test_killed_between_gateway_and_settling_the_money_buys_the_seat(
    site: Site, sale: Sale, desk: Desk
):
    workers = api_workers(site)

    def kill(payment: dict, key: str) -> None:
        for worker in workers:
            worker.kill()

    shopper, payment, answer = amid_the_confirm(site, desk, sale, seconds=NEVER, then=kill)
    assert answer is None or answer.status_code >= 500
    assert status(site, payment) == "REQUESTED"  # nobody knows yet
    look_up_now(site, payment)
    await_that(lambda: status(site, payment) == "PAID", "the money was found", seconds=60)
    assert sold_once(site, desk, payment, charged=PRICE - POINTS)
    assert shopper.balance() == 50_000 - POINTS
    await_clean(site)


def test_a_frozen_api_that_settles_after_the_reconciler_changes_nothing_more(
    site: Site, sale: Sale, desk: Desk
):
    workers = api_workers(site)

    def freeze(payment: dict, key: str) -> None:
        for worker in workers:
            worker.suspend()
        try:
            look_up_now(site, payment)
            await_that(lambda: status(site, payment) == "PAID", "it is settled", seconds=60)
        finally:
            for worker in workers:
                worker.resume()

    shopper, payment, answer = amid_the_confirm(site, desk, sale, seconds=8, then=freeze)
    assert answer is not None
    assert (answer.status_code, answer.json()["status"]) == (200, "PAID"), answer.text
    assert sold_once(site, desk, payment, charged=PRICE - POINTS)
    assert shopper.balance() == 50_000 - POINTS
    await_clean(site)


def test_a_confirm_sent_fifty_times_at_once_with_one_key_charges_once(
    site: Site, sale: Sale, desk: Desk
):
    shopper, payment = begun(site, sale)
    key, path = agreed(payment), f"/payments/{payment['id']}/confirm/"
    headers = {"Idempotency-Key": str(uuid4())}
    shoppers = [Shopper(site, shopper.fan) for _ in range(50)]

    def send(one: Shopper) -> httpx.Response:
        return one.send("POST", path, json={"payment_key": key}, headers=headers)

    answers = race(*[lambda one=one: send(one) for one in shoppers])
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["status"] == "PAID"
    other = shopper.send("POST", path, json={"payment_key": f"{key}x"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert sold_once(site, desk, payment, charged=PRICE)
    await_clean(site)
