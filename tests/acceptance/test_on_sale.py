"""The on-sale second: many more fans than seats, all at once, over HTTP.

Its controls: tests/unit/test_history.py shows that the checker used here reports a double sale and
every other violation; tests/concurrency/test_on_sale.py lets the same crowd buy from the same
application without row locks, and the checker reports seats sold twice.
"""

from collections import Counter

import httpx

from proof.history.facts import Facts, FanPurchase, violations
from tests.support.concurrency import all_at_once
from tests.support.kafka_reader import KafkaReader
from tests.support.shopper import Shopper
from tests.support.site import Sale, Site
from tests.support.waiting import await_that

FANS = 200
SEATS = 50
POINTS = 500_000


def collect(
    site: Site,
    sale: Sale,
    shoppers: list[Shopper],
    purchases: list[FanPurchase],
    reader: KafkaReader,
    *,
    points: int = POINTS,
) -> Facts:
    """Gather what every side knows of a sale, once the events of all purchases have arrived."""
    bought = {purchase.reservation_id for purchase in purchases}

    def all_published(records: list) -> bool:
        types = ("reservation.confirmed", "payment.paid")
        published = {(r.type, r.data["reservation_id"]) for r in records if r.type in types}
        return published >= {(kind, reservation) for kind in types for reservation in bought}

    reader.until(all_published, f"events of {len(bought)} purchases", seconds=60)
    counted = (
        len(purchases),
        sum(len(purchase.seat_ids) for purchase in purchases),
        sum(purchase.amount for purchase in purchases),
    )
    await_that(
        lambda: site.statistics(sale.performance_id) >= counted, "statistics caught up", seconds=60
    )
    owners = {shopper.fan.user_id: shopper for shopper in shoppers}
    records = [
        record
        for record in reader.to_the_end()
        if record.data.get("performance_id") == sale.performance_id
    ]
    inventory = site.rows(
        "SELECT seat_id, reservation_id FROM reservations_seatinventory"
        " WHERE performance_id = %s AND status = 'RESERVED'",
        sale.performance_id,
    )
    return Facts(
        seats=frozenset(sale.seat_ids),
        purchases=purchases,
        tickets=[
            ticket
            for purchase in purchases
            for ticket in owners[purchase.user_id].tickets(purchase.reservation_id)
        ],
        inventory={str(seat): str(reservation) for seat, reservation in inventory},
        before=dict.fromkeys(owners, points),
        after={user: shopper.balance() for user, shopper in owners.items()},
        records=records,
        statistics=site.statistics(sale.performance_id),
    )


def test_200_fans_want_50_seats(site: Site, kafka_records: KafkaReader):
    sale = site.sale(
        seats=SEATS, price=90_000, queue={"rate_per_second": 500, "capacity": 2 * FANS}
    )
    shoppers = [Shopper(site, fan) for fan in site.fans(FANS, POINTS)]
    passes = all_at_once(lambda shopper: shopper.join(sale.performance_id)["pass"], shoppers)
    assert all(passes)

    def go(number: int) -> FanPurchase | httpx.Response:
        seat = sale.seat_ids[number % SEATS]
        return shoppers[number].buy(sale.performance_id, [seat], token=passes[number])

    outcomes = all_at_once(go, range(FANS))

    purchases = [outcome for outcome in outcomes if isinstance(outcome, FanPurchase)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, httpx.Response)]
    assert len(purchases) == SEATS
    assert Counter((answer.status_code, answer.json()["code"]) for answer in refused) == {
        (409, "seat_taken"): FANS - SEATS
    }
    assert {answer.headers["Content-Type"] for answer in refused} == {"application/problem+json"}
    facts = collect(site, sale, shoppers, purchases, kafka_records)
    assert len(facts.tickets) == SEATS
    assert violations(facts) == []


def test_a_sold_out_hall_says_so_at_once(site: Site):
    sale = site.sale(seats=1)
    first, second = (Shopper(site, fan) for fan in site.fans(2, POINTS))
    assert isinstance(first.buy(sale.performance_id, sale.seat_ids), FanPurchase)
    refused = second.hold(sale.performance_id, sale.seat_ids)
    assert (refused.status_code, refused.json()["code"]) == (409, "seat_taken")
    assert refused.json()["seat_ids"] == list(sale.seat_ids)
    assert refused.json()["yours"] == []
    state = await_that(
        lambda: (
            (row := second.send("GET", f"/performances/{sale.performance_id}/").json())[
                "sale_state"
            ]
            == "SOLD_OUT"
            and row
        ),
        "the catalogue says SOLD_OUT",
    )
    assert state["seats_available"] == 0
