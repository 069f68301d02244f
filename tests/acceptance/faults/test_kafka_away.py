"""Kafka is away while fans buy: they notice nothing, and nothing is lost or out of order.

FRONTROW_KAFKA_AWAY_SECONDS says for how long (5); the promise is a minute.
"""

import os
import threading
import time
from itertools import count

import pytest

from proof.history.facts import Facts, FanPurchase, violations
from tests.acceptance.test_on_sale import collect
from tests.support.audited_site import await_clean
from tests.support.concurrency import race
from tests.support.kafka_reader import KafkaReader
from tests.support.shopper import Shopper
from tests.support.site import Sale, Site
from tests.support.waiting import await_that

AWAY = float(os.environ.get("FRONTROW_KAFKA_AWAY_SECONDS", "5"))
SHOPPERS = 4
SEATS = 2000 + int(50 * AWAY)  # more than they can hold in that time
POINTS = 5_000_000
LONGEST = 600  # seconds that a client waits for the events
WAITING = """
    SELECT count(*) FROM events_outboxevent
     WHERE published_at IS NULL AND aggregate_id IN
           (SELECT id FROM reservations_reservation WHERE performance_id = %s)
"""


class Crowd:
    """Fans who buy seat after seat, and give every third hold up, until it is enough."""

    def __init__(self, site: Site) -> None:
        self.sale = site.sale(
            seats=SEATS, row_length=50, price=10, queue=None, max_seats_per_fan=1000
        )
        fans = site.fans(SHOPPERS, POINTS)
        # Nobody is written to: a thousand letters would keep later tests waiting.
        site.rows(
            "DELETE FROM account_emailaddress WHERE user_id = ANY(%s::uuid[]) RETURNING id",
            [fan.user_id for fan in fans],
        )
        self.shoppers = [Shopper(site, fan) for fan in fans]
        self.bought: list[tuple[float, FanPurchase]] = []
        self.enough = threading.Event()
        self._seats = iter(self.sale.seat_ids)
        self._numbers = count()
        self._lock = threading.Lock()

    def shop(self, shopper: Shopper) -> None:
        while not self.enough.is_set():
            with self._lock:
                seat, number = next(self._seats), next(self._numbers)
            if number % 3 == 0:
                held = shopper.hold(self.sale.performance_id, [seat])
                assert held.status_code == 201, held.text
                given_up = shopper.send("DELETE", f"/reservations/{held.json()['id']}/")
                assert given_up.status_code == 204, given_up.text
                continue
            outcome = shopper.buy(self.sale.performance_id, [seat])
            assert isinstance(outcome, FanPurchase), outcome.text
            self.bought.append((time.monotonic(), outcome))

    @property
    def purchases(self) -> list[FanPurchase]:
        return [purchase for _, purchase in self.bought]


def waiting(site: Site, sale: Sale) -> int:
    """Return how many events of a sale wait for Kafka."""
    return int(site.rows(WAITING, sale.performance_id)[0][0])


def without_kafka(site: Site, crowd: Crowd, *, lose: bool) -> None:
    """Take Kafka away while the crowd buys; it goes on until Kafka is back."""
    await_that(lambda: len(crowd.bought) >= SHOPPERS, "they buy", seconds=60)
    with site.without("kafka", verb="kill"):
        began = time.monotonic()

        def has_been_away() -> bool:
            since = sum(at > began for at, _ in crowd.bought)
            return time.monotonic() > began + AWAY and since >= SHOPPERS

        await_that(has_been_away, "they buy without Kafka", seconds=AWAY + 120)
        assert waiting(site, crowd.sale) > 0
        if lose:
            lose_one(site, crowd.purchases[-1])
    back = len(crowd.bought)
    await_that(lambda: len(crowd.bought) > back, "they buy on", seconds=60)


def lose_one(site: Site, purchase: FanPurchase) -> None:
    """Mark an event as published that Kafka never confirmed, as a relay without its guard would."""
    lost = site.rows(
        "UPDATE events_outboxevent SET published_at = now() WHERE published_at IS NULL"
        " AND aggregate_id = %s AND type = 'reservation.held' RETURNING id",
        purchase.reservation_id,
    )
    assert len(lost) == 1


def away(site: Site, reader: KafkaReader, *, lose: bool) -> tuple[Crowd, Facts]:
    crowd = Crowd(site)

    def act() -> None:
        try:
            without_kafka(site, crowd, lose=lose)
        finally:
            crowd.enough.set()

    race(act, *[lambda one=one: crowd.shop(one) for one in crowd.shoppers])
    await_that(lambda: waiting(site, crowd.sale) == 0, "the outbox is empty", seconds=LONGEST)
    facts = collect(site, crowd.sale, crowd.shoppers, crowd.purchases, reader, points=POINTS)
    return crowd, facts


def held_in(facts: Facts) -> set[str]:
    return {record.key for record in facts.records if record.type == "reservation.held"}


@pytest.mark.timeout(AWAY + 900)
@pytest.mark.parametrize("lose", [False, pytest.param(True, marks=pytest.mark.control)])
def test_kafka_away_under_load_nothing_is_lost(site: Site, kafka_records: KafkaReader, lose: bool):
    """Control: one event is marked as published that Kafka never had."""
    crowd, facts = away(site, kafka_records, lose=lose)
    # Order per key, each fact once, statistics, money and seats.
    assert violations(facts, repeats_allowed=True) == []
    made = site.rows(
        "SELECT id FROM reservations_reservation WHERE performance_id = %s",
        crowd.sale.performance_id,
    )
    missing = {str(id_) for (id_,) in made} - held_in(facts)
    assert len(missing) == lose
    await_clean(site)
