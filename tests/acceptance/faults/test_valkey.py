"""A Redis role fails while work is under way: the responses clients get, and what remains."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic

from redis import Redis

from proof.history.facts import violations
from proof.history.spells import Spell, owned_twice
from tests.acceptance.test_on_sale import collect
from tests.support.concurrency import all_at_once
from tests.support.faults import POINTS, bought, fans, not_promised, watched
from tests.support.kafka_reader import KafkaReader
from tests.support.shopper import Shopper
from tests.support.site import Sale, Site
from tests.support.waiting import await_that

# --- the lock server


def test_the_lock_server_killed_amid_holds_no_seat_is_sold_twice(
    site: Site, kafka_records: KafkaReader
):
    sale = site.sale(seats=12)
    shoppers = fans(site, 6)
    failures = watched(shoppers)
    spells: list[Spell] = []
    refused: list[tuple[int, str]] = []
    enough = Event()

    def hold_and_let_go(number: int) -> None:
        choose = random.Random(number)
        while not enough.is_set():
            seats = choose.sample(sale.seat_ids, 2)
            held = shoppers[number].hold(sale.performance_id, seats)
            since = monotonic()
            if held.status_code != 201:
                refused.append((held.status_code, held.json()["code"]))
                continue
            owner, until = held.json()["id"], monotonic()
            gone = shoppers[number].send("DELETE", f"/reservations/{owner}/")
            assert gone.status_code == 204, gone.text
            spells.extend(Spell(seat, owner, since, until) for seat in seats)

    def more(count: int) -> None:
        seen = len(spells)
        await_that(lambda: len(spells) >= seen + count or work_ended(), "holds go on", seconds=40)

    with ThreadPoolExecutor(len(shoppers)) as pool:
        work = [pool.submit(hold_and_let_go, number) for number in range(len(shoppers))]

        def work_ended() -> bool:
            return any(one.done() for one in work)

        try:
            more(20)
            with site.without("lock", verb="kill"):
                more(20)
            more(20)
        finally:
            enough.set()
        for one in work:
            one.result(timeout=30)

    assert not_promised(failures) == []
    assert set(refused) <= {(409, "seat_taken")}
    assert owned_twice(spells) == []
    _await_gate(site, sale, shoppers)
    purchases = bought(
        all_at_once(
            lambda n: shoppers[n].buy(sale.performance_id, sale.seat_ids[2 * n : 2 * n + 2]),
            range(len(shoppers)),
        )
    )
    facts = collect(site, sale, shoppers, purchases, kafka_records, points=POINTS)
    # The relay was not hurt: each event is published once.
    assert violations(facts) == []


def _await_gate(site: Site, sale: Sale, shoppers: Sequence[Shopper]) -> None:
    """Wait until every hold and every release reaches the lock server again.

    Each process of the API finds out for itself that the server is back. Until then a release may
    leave a claim behind, which refuses others for the second that Note [Seat claims] allows it.
    """
    with Redis.from_url(site.env["REDIS_LOCK_URL"]) as server:
        for number, shopper in enumerate(shoppers):
            seats = sale.seat_ids[2 * number : 2 * number + 2]
            claims = [f"fr:l:{{{sale.performance_id}}}:{seat}" for seat in seats]

            def passes(shopper=shopper, seats=seats, claims=claims) -> bool:
                held = shopper.hold(sale.performance_id, seats)
                if held.status_code == 409:
                    assert held.json()["code"] == "seat_taken", held.text
                    return False
                assert held.status_code == 201, held.text
                claimed = server.exists(*claims)
                shopper.send("DELETE", f"/reservations/{held.json()['id']}/")
                return bool(claimed == len(claims) and not server.exists(*claims))

            await_that(passes, "holds and releases reach the gate again", seconds=20)


# --- the queue server


def test_the_queue_server_wiped_in_mid_queue_the_order_stays(
    site: Site, kafka_records: KafkaReader
):
    queue = {"rate_per_second": 2, "capacity": 100}
    sale = site.sale(seats=14, queue=queue)
    shoppers = fans(site, 13)
    failures = watched(shoppers)
    path = f"/performances/{sale.performance_id}/queue/"
    *early, late = shoppers
    places = [shopper.send("POST", path).json() for shopper in early]
    numbers = [place["number"] for place in places]
    assert numbers == sorted(set(numbers))

    def poll() -> int:
        """Let every fan ask once, the last in line first; return how many are admitted."""
        for index in reversed(range(len(early))):
            before = places[index]
            token = {"X-Queue-Token": before["pass"] or before["token"]}
            answer = early[index].send("GET", f"{path}me/", headers=token)
            assert answer.status_code == 200, answer.text
            place = places[index] = answer.json()
            assert place["number"] == before["number"]
            assert (before["state"], place["state"]) != ("ADMITTED", "WAITING")
            # Who stands before an admitted fan, and asks later, is admitted too.
            if index + 1 < len(early) and places[index + 1]["state"] == "ADMITTED":
                assert place["state"] == "ADMITTED", (index, places)
        return sum(place["state"] == "ADMITTED" for place in places)

    await_that(lambda: poll() >= 5, "some are admitted")
    with Redis.from_url(site.env["REDIS_QUEUE_URL"]) as server:
        server.flushall()
    assert poll() < len(early), "the server was wiped too late to show anything"
    newcomer = late.send("POST", path).json()
    assert newcomer["number"] > max(numbers)
    assert newcomer["state"] == "WAITING"
    await_that(lambda: poll() == len(early), "everybody is admitted", seconds=30)
    again = [shopper.send("POST", path).json() for shopper in early]
    assert [place["number"] for place in again] == numbers
    assert not_promised(failures) == []

    passes = [place["pass"] for place in places] + [late.join(sale.performance_id)["pass"]]
    outcomes = all_at_once(
        lambda n: shoppers[n].buy(sale.performance_id, [sale.seat_ids[n]], token=passes[n]),
        range(len(shoppers)),
    )
    facts = collect(site, sale, shoppers, bought(outcomes), kafka_records, points=POINTS)
    assert violations(facts) == []


# --- the cache server


def test_the_cache_server_frozen_the_catalogue_stays_right_and_quick(
    site: Site, kafka_records: KafkaReader
):
    sale = site.sale(seats=6, price=70_000)
    [shopper] = fans(site, 1)
    performance = f"/performances/{sale.performance_id}/"

    def statuses() -> str:
        answer = shopper.http.get(f"/api/v1{performance}availability/")
        assert answer.status_code == 200, answer.text
        assert answer.elapsed.total_seconds() < 5
        return answer.json()["statuses"]

    def free() -> int:
        return shopper.http.get(f"/api/v1{performance}").json()["seats_available"]

    assert (statuses(), free()) == ("AAAAAA", 6)
    with site.paused("cache"):
        for path in (performance, f"{performance}seatmap/", f"/concerts/{sale.concert_id}/"):
            answer = shopper.http.get(f"/api/v1{path}")
            assert answer.status_code == 200, answer.text
            assert answer.elapsed.total_seconds() < 5
            assert "70000" in answer.text
        purchases = bought([shopper.buy(sale.performance_id, sale.seat_ids[:2])])
        await_that(lambda: statuses() == "RRAAAA", "the sold seats show", seconds=4)
    with Redis.from_url(site.env["REDIS_CACHE_URL"]) as server:
        entry = f"fr:c:doc:performance:en:{sale.performance_id}"
        # What it held before it froze doesn't come back: its age is judged by the reader.
        await_that(lambda: free() == 4 and server.exists(entry), "it is used again", seconds=20)
    assert statuses() == "RRAAAA"
    facts = collect(site, sale, [shopper], purchases, kafka_records, points=POINTS)
    assert violations(facts) == []
