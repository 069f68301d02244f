"""kill -9 in the middle: what was committed is published, in order, and counted once."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Semaphore

import httpx

from proof.history.event_order import out_of_order
from proof.history.facts import FanPurchase, violations
from tests.acceptance.test_on_sale import collect
from tests.support.kafka_reader import KafkaReader
from tests.support.shopper import Shopper
from tests.support.site import ROOT, Site
from tests.support.waiting import await_that

POINTS = 3_000_000
SHOPPERS = 8
IN_A_ROW = 6  # fans for whom each of them buys
SEATS = 20  # of a fan
KILLED = ("workers", "consumers", "fastpath", "api")


def test_everything_is_killed_in_the_middle_and_nothing_is_lost(
    site: Site, kafka_records: KafkaReader
):
    fans = site.fans(SHOPPERS * IN_A_ROW, POINTS)
    sale = site.sale(seats=SEATS * len(fans), max_seats_per_fan=SEATS)
    shoppers = [Shopper(site, fan, patience=90) for fan in fans]
    done: list[FanPurchase | httpx.Response] = []
    for_sale = Semaphore(0)  # seats are offered by turns, so that no kill comes after the last one
    over = Event()

    def shop(first: int) -> None:
        """Buy each fan's own seats, one after the other, until it is over."""
        for number in range(first, len(fans), SHOPPERS):
            for seat in sale.seat_ids[number * SEATS : (number + 1) * SEATS]:
                for_sale.acquire()
                if over.is_set():
                    return
                done.append(shoppers[number].buy(sale.performance_id, [seat]))

    def await_sales() -> None:
        for_sale.release(len(sale.seat_ids) // (len(KILLED) + 1))
        seen = len(done)
        await_that(lambda: len(done) >= seen + SHOPPERS, "sales go on", seconds=90)

    with ThreadPoolExecutor(SHOPPERS) as pool:
        running = [pool.submit(shop, number) for number in range(SHOPPERS)]
        try:
            for part in KILLED:
                await_sales()
                site.part("kill", part)
                site.part("start", part)
            await_sales()
        finally:
            over.set()
            for_sale.release(SHOPPERS)
        for shopping in running:
            shopping.result(timeout=120)

    purchases = [outcome for outcome in done if isinstance(outcome, FanPurchase)]
    refused = [outcome.text for outcome in done if isinstance(outcome, httpx.Response)]
    assert refused == []
    facts = collect(site, sale, shoppers, purchases, kafka_records, points=POINTS)
    assert violations(facts, repeats_allowed=True) == []


def test_a_process_that_dies_is_started_again(site: Site):
    sale = site.sale(seats=2)
    [shopper] = (Shopper(site, fan) for fan in site.fans(1, POINTS))
    for name in ("worker-relay", "consumers", "beat"):
        before = site.process(name)
        os.kill(before["pid"], signal.SIGKILL)
        await_that(
            lambda name=name, before=before: (
                (now := site.process(name))["state"] == "running" and now["pid"] != before["pid"]
            ),
            f"{name} runs again",
            seconds=30,
        )
    assert isinstance(shopper.buy(sale.performance_id, sale.seat_ids), FanPurchase)
    await_that(
        lambda: site.statistics(sale.performance_id)[:2] == (1, 2), "it was counted", seconds=30
    )


@contextmanager
def another_relay(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    """Run a second relay worker beside the site's own; ended with SIGKILL."""
    before = _relays(site)
    worker = [sys.executable, "-m", "celery", "-A", "config.celery", "worker"]
    options = ["-n", "relay-2@%h", "-Q", "relay", "-P", "threads", "-c", "2"]
    with subprocess.Popen(
        [*worker, *options, "--loglevel", "WARNING", "--without-gossip", "--without-mingle"],
        cwd=ROOT,
        env=site.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            await_that(
                lambda: _relays(site) > before, "the second relay has begun its turn", seconds=30
            )
            yield process
        finally:
            process.kill()


def _relays(site: Site) -> int:
    statement = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'frontrow-relay'"
    return site.rows(statement)[0][0]


def test_two_relays_keep_the_order_of_every_key(site: Site, kafka_records: KafkaReader):
    sale = site.sale(seats=4 * SHOPPERS)
    shoppers = [Shopper(site, fan) for fan in site.fans(SHOPPERS, POINTS)]
    made: Counter[int] = Counter()

    def change_mind(number: int) -> list[str]:
        """Hold and let go again and again: two events of a key, a moment apart."""
        seats = sale.seat_ids[number::SHOPPERS]
        mine = []
        for _ in range(12):
            held = shoppers[number].hold(sale.performance_id, seats)
            assert held.status_code == 201, held.text
            mine.append(held.json()["id"])
            made[number] += 1
            released = shoppers[number].send("DELETE", f"/reservations/{mine[-1]}/")
            assert released.status_code == 204, released.text
        return mine

    with another_relay(site) as second, ThreadPoolExecutor(SHOPPERS) as pool:
        work = [pool.submit(change_mind, number) for number in range(SHOPPERS)]
        await_that(lambda: made.total() > 5 * SHOPPERS, "half of it is done", seconds=60)
        second.kill()  # with whatever it had in its hands
        held = {reservation for one in work for reservation in one.result(timeout=60)}

    wanted = {(reservation, kind) for reservation in held for kind in ("held", "released")}
    kafka_records.until(
        lambda records: wanted <= {(r.key, r.type.removeprefix("reservation.")) for r in records},
        f"both events of {len(held)} reservations",
        seconds=30,
    )
    ours = [record for record in kafka_records.to_the_end() if record.key in held]
    assert out_of_order(ours) == []
