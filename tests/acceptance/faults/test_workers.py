"""Workers rest, or two beats tick, amid a sale: sales go on and nothing happens twice."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx

from proof.history.facts import FanPurchase, violations
from tests.acceptance.faults.test_without_parts import has_passed
from tests.acceptance.test_on_sale import collect
from tests.support.concurrency import all_at_once
from tests.support.faults import POINTS, bought, expired, fans, unpublished
from tests.support.kafka_reader import KafkaReader
from tests.support.site import ROOT, Site
from tests.support.waiting import await_that

STOPPED_SECONDS = 30


def test_the_workers_stopped_for_30_s_sales_go_on_and_everything_catches_up(
    site: Site, kafka_records: KafkaReader
):
    sale = site.sale(seats=8, hold_seconds=8, queue={"rate_per_second": 2, "capacity": 100})
    shoppers = fans(site, 5)
    slow, sleepy, quick, *buyers = shoppers
    with site.without("workers"):
        stopped = monotonic()
        passes = all_at_once(lambda one: one.join(sale.performance_id)["pass"], shoppers)
        token = dict(zip(shoppers, passes, strict=True))
        lapsing = [
            shopper.hold(sale.performance_id, seats, token=token[shopper])
            for shopper, seats in ((slow, sale.seat_ids[:2]), (sleepy, sale.seat_ids[2:4]))
        ]
        assert [held.status_code for held in lapsing] == [201, 201]
        outcomes = [
            shopper.buy(sale.performance_id, [sale.seat_ids[seat]], token=token[shopper])
            for seat, shopper in enumerate(buyers, start=4)
        ]
        taken = sale.seat_ids[:2]
        # The control: while the hold lives, nobody else gets the seats.
        refused = quick.hold(sale.performance_id, taken, token=token[quick])
        assert (refused.status_code, refused.json()["code"]) == (409, "seat_taken")
        await_that(
            lambda: all(has_passed(held.json()["expires_at"]) for held in lapsing),
            "the holds' time is over",
        )
        outcomes.append(quick.buy(sale.performance_id, taken, token=token[quick]))
        assert unpublished(site) >= len(lapsing) + 3 * len(outcomes)
        assert site.statistics(sale.performance_id) == (0, 0, 0)
        await_that(
            lambda: monotonic() - stopped >= STOPPED_SECONDS, "30 s", seconds=2 * STOPPED_SECONDS
        )
        # Nobody swept or published for all that time.
        assert unpublished(site) >= len(lapsing) + 3 * len(outcomes)
        assert not any(swept(site, held.json()["id"]) for held in lapsing[1:])

    lapsed = Counter(held.json()["id"] for held in lapsing)
    kafka_records.until(
        lambda records: lapsed <= expired(records, lapsed), "both expired events", seconds=30
    )
    await_that(lambda: unpublished(site) == 0, "the outbox is empty", seconds=30)
    facts = collect(site, sale, shoppers, bought(outcomes), kafka_records, points=POINTS)
    assert violations(facts) == []
    assert expired(kafka_records.records, lapsed) == lapsed


# --- two beats


@contextmanager
def another_beat(site: Site, schedule: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a second beat, with a schedule of its own, beside the site's; ended with SIGKILL."""
    beat = [sys.executable, "-m", "celery", "-A", "config.celery", "beat", "--pidfile="]
    with subprocess.Popen(
        [*beat, "-s", str(schedule), "--loglevel", "WARNING"],
        cwd=ROOT,
        env=site.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_two_beats_admit_nobody_too_many_and_nothing_happens_twice(
    site: Site, kafka_records: KafkaReader, tmp_path: Path
):
    capacity = 4
    queue = {"rate_per_second": 4, "capacity": capacity}
    sale = site.sale(seats=10, queue=queue)
    lapsing = site.sale(seats=2, hold_seconds=1)
    shoppers = fans(site, 8)
    path = f"/performances/{sale.performance_id}/queue/"
    with another_beat(site, tmp_path / "schedule") as second:
        with site.without("beat"):
            # Nobody takes this seat over: only a tick of the second beat can have it swept.
            alone = shoppers[0].hold(lapsing.performance_id, lapsing.seat_ids[:1]).json()["id"]
            await_that(lambda: swept(site, alone), "the second beat ticks", seconds=30)
        both = shoppers[1].hold(lapsing.performance_id, lapsing.seat_ids[1:]).json()["id"]
        places = [shopper.send("POST", path).json() for shopper in shoppers]
        outcomes: list[FanPurchase | httpx.Response] = []

        def admitted() -> list[int]:
            """Let who waits ask again, the last in line first; return who is admitted."""
            for index in reversed(range(len(outcomes), len(shoppers))):
                token = {"X-Queue-Token": places[index]["pass"] or places[index]["token"]}
                answer = shoppers[index].send("GET", f"{path}me/", headers=token)
                assert answer.status_code == 200, answer.text
                places[index] = answer.json()
            found = [i for i, place in enumerate(places) if place["state"] == "ADMITTED"]
            found = [index for index in found if index >= len(outcomes)]
            assert len(found) <= capacity
            return found

        await_that(lambda: len(admitted()) == capacity, "the hall is full")
        await_that(lambda: admitted() and swept(site, both), "a tick has come", seconds=20)
        for shopper, seat in zip(shoppers, sale.seat_ids, strict=False):  # each makes room for one
            place = await_that(
                lambda: len(outcomes) in admitted() and places[len(outcomes)], "the next is in"
            )
            outcomes.append(shopper.buy(sale.performance_id, [seat], token=place["pass"]))
        assert second.poll() is None

    facts = collect(site, sale, shoppers, bought(outcomes), kafka_records, points=POINTS)
    assert violations(facts) == []
    once = Counter([alone, both])
    kafka_records.until(lambda records: once <= expired(records, once), "both expired events")
    assert expired(kafka_records.to_the_end(), once) == once


def swept(site: Site, reservation_id: str) -> bool:
    statement = "SELECT status FROM reservations_reservation WHERE id = %s"
    return site.rows(statement, reservation_id) == [("EXPIRED",)]
