"""A part fails while work is under way: what clients are told, and what is left behind."""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
from redis import Redis

from stack.folder import Folder
from stack.postgres.cluster import SUPERUSER
from tests.acceptance.test_on_sale import collect
from tests.acceptance.test_without_parts import has_passed
from tests.support.history import Purchase, Spell, owned_twice, violations
from tests.support.kafka_reader import KafkaReader, Record
from tests.support.shopper import Shopper, all_at_once
from tests.support.site import ROOT, Sale, Site
from tests.support.waiting import await_that

POINTS = 1_000_000


def fans(site: Site, count: int) -> list[Shopper]:
    return [Shopper(site, fan, patience=90) for fan in site.fans(count, POINTS)]


def watched(shoppers: list[Shopper]) -> list[httpx.Response]:
    """Return a list that will hold every answer of 500 and above that these fans are given."""
    failures: list[httpx.Response] = []

    def note(answer: httpx.Response) -> None:
        if answer.status_code >= 500:
            answer.read()
            failures.append(answer)

    for shopper in shoppers:
        shopper.http.event_hooks["response"].append(note)
    return failures


def not_promised(failures: list[httpx.Response]) -> list[str]:
    """Return the failures that are no 503 problem that says when to come again."""
    return [
        f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
        for answer in failures
        if answer.status_code != 503
        or answer.headers["Content-Type"] != "application/problem+json"
        or int(answer.headers.get("Retry-After", 0)) < 1
    ]


def bought(outcomes: list[Purchase | httpx.Response]) -> list[Purchase]:
    """Return the purchases; fails where one of them is a refusal."""
    assert [one.text for one in outcomes if isinstance(one, httpx.Response)] == []
    return [one for one in outcomes if isinstance(one, Purchase)]


# --- the lock server


def test_the_lock_server_killed_amid_holds_no_seat_is_had_twice(
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
    _await_gate(site, sale, shoppers[0])
    purchases = bought(
        all_at_once(
            lambda n: shoppers[n].buy(sale.performance_id, sale.seat_ids[2 * n : 2 * n + 2]),
            range(len(shoppers)),
        )
    )
    facts = collect(site, sale, shoppers, purchases, kafka_records, points=POINTS)
    assert violations(facts, repeats_allowed=True) == []


def _await_gate(site: Site, sale: Sale, shopper: Shopper) -> None:
    """Wait until a hold leaves its claim in the lock server again."""
    seat = sale.seat_ids[0]
    with Redis.from_url(site.env["REDIS_LOCK_URL"]) as server:

        def claimed() -> bool:
            held = shopper.hold(sale.performance_id, [seat])
            assert held.status_code == 201, held.text
            found = server.exists(f"fr:l:{{{sale.performance_id}}}:{seat}")
            shopper.send("DELETE", f"/reservations/{held.json()['id']}/")
            return bool(found)

        await_that(claimed, "holds are claimed at the gate again", seconds=20)


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
        assert answer.elapsed.total_seconds() < 3
        return answer.json()["statuses"]

    assert statuses() == "AAAAAA"
    with site.paused("cache"):
        for path in (performance, f"{performance}seatmap/", f"/concerts/{sale.concert_id}/"):
            answer = shopper.http.get(f"/api/v1{path}")
            assert answer.status_code == 200, answer.text
            assert answer.elapsed.total_seconds() < 3
            assert "70000" in answer.text
        purchases = bought([shopper.buy(sale.performance_id, sale.seat_ids[:2])])
        await_that(lambda: statuses() == "RRAAAA", "the sold seats show", seconds=4)
    with Redis.from_url(site.env["REDIS_CACHE_URL"]) as server:
        entry = f"fr:c:doc:availability:any:{sale.performance_id}"
        # What it held before it froze doesn't come back: its age is judged by the reader.
        await_that(
            lambda: statuses() == "RRAAAA" and server.exists(entry), "it is used again", seconds=20
        )
    assert statuses() == "RRAAAA"
    facts = collect(site, sale, [shopper], purchases, kafka_records, points=POINTS)
    assert violations(facts) == []


# --- the replica

# Staff at work: one process, so that a line's answer comes at once after its commit.
STAFF = """
import sys
from uuid import UUID
import django
django.setup()
from concerts.usecases import layouts, programme
from kernel import clock
for line in sys.stdin:
    verb, target, *price = line.split()
    why = {"actor_id": None, "reason": "acceptance test", "now": clock.now()}
    if verb == "price":
        layouts.set_price(grade_id=UUID(target), price=int(price[0]), **why)
    else:
        programme.unpublish(concert_id=UUID(target), **why)
    print("done", flush=True)
"""


@contextmanager
def staff(site: Site) -> Iterator[Callable[[str], None]]:
    """Give a function that does one thing as staff and returns once it is done."""
    with subprocess.Popen(
        [sys.executable, "-c", STAFF],
        cwd=ROOT,
        env=site.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout

        def do(line: str) -> None:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        yield do
        process.stdin.close()


@contextmanager
def replica_late(site: Site, delay: str) -> Iterator[None]:
    """Let the replica apply each commit only so long after it happened."""
    password = Folder(site.data).passwords.superuser
    place = {"user": SUPERUSER, "password": password, "dbname": "postgres"}
    with psycopg.connect(site.env["REPLICA_URL"], autocommit=True, **place) as admin:

        def shown() -> str:
            return admin.execute("SHOW recovery_min_apply_delay").fetchone()[0]

        admin.execute(f"ALTER SYSTEM SET recovery_min_apply_delay = '{delay}'")
        try:
            admin.execute("SELECT pg_reload_conf()")
            await_that(lambda: shown() == delay, "the replica has read its settings")
            yield
        finally:
            admin.execute("ALTER SYSTEM RESET recovery_min_apply_delay")
            admin.execute("SELECT pg_reload_conf()")
            await_that(lambda: shown() == "0", "the replica has read its settings")


def test_the_replica_late_a_change_shows_at_once_and_the_old_value_stays_away(site: Site):
    sale = site.sale(seats=3, price=70_000, on_sale=False)
    concert = f"/api/v1/concerts/{sale.concert_id}/"
    performance = f"/api/v1/performances/{sale.performance_id}/"
    [(grade,)] = site.rows(
        "SELECT id FROM concerts_pricegrade WHERE performance_id = %s", sale.performance_id
    )
    api = site.http()

    def prices() -> set[int]:
        row = api.get(performance).json()
        [section] = api.get(f"{performance}seatmap/").json()["sections"]
        spread = api.get(concert).json()["price_range"]
        return {
            *(grade["price"]["amount"] for grade in row["grades"]),
            section["price"]["amount"],
            *(end["amount"] for end in spread.values()),
        }

    def on_replica(statement: str, key: object) -> Any:
        with psycopg.connect(site.env["REPLICA_URL"]) as connection:
            return connection.execute(statement, [key]).fetchone()[0]

    price = "SELECT price FROM concerts_pricegrade WHERE id = %s"
    published = "SELECT published_at FROM concerts_concert WHERE id = %s"
    await_that(lambda: prices() == {70_000}, "the catalogue shows the price")
    with staff(site) as do, replica_late(site, "1500ms"):
        do(f"price {grade} 88000")
        # The control: the replica itself still has the old one.
        assert on_replica(price, grade) == 70_000
        assert prices() == {88_000}
        seen = Counter[int]()

        def applied() -> bool:
            seen.update(prices())
            return on_replica(price, grade) == 88_000

        await_that(applied, "the replica has the new price")
        seen.update(prices())
        assert set(seen) == {88_000}

        do(f"unpublish {sale.concert_id}")
        assert on_replica(published, sale.concert_id) is not None
        gone = Counter[int]()

        def hidden() -> bool:
            gone.update(api.get(path).status_code for path in (concert, performance))
            return on_replica(published, sale.concert_id) is None

        await_that(hidden, "the replica has it hidden")
        assert set(gone) == {404}


# --- the workers


def test_the_workers_stopped_past_a_hold_sales_go_on_and_everything_catches_up(
    site: Site, kafka_records: KafkaReader
):
    sale = site.sale(seats=8, hold_seconds=8, queue={"rate_per_second": 2, "capacity": 100})
    shoppers = fans(site, 5)
    slow, sleepy, quick, *buyers = shoppers
    with site.without("workers"):
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

    lapsed = Counter(held.json()["id"] for held in lapsing)
    kafka_records.until(
        lambda records: lapsed <= expired(records, lapsed), "both expired events", seconds=30
    )
    await_that(lambda: unpublished(site) == 0, "the outbox is empty", seconds=30)
    facts = collect(site, sale, shoppers, bought(outcomes), kafka_records, points=POINTS)
    assert violations(facts) == []
    assert expired(kafka_records.records, lapsed) == lapsed


def unpublished(site: Site) -> int:
    statement = "SELECT count(*) FROM events_outboxevent WHERE published_at IS NULL"
    return site.rows(statement)[0][0]


def expired(records: list[Record], reservations: Iterable[str]) -> Counter[str]:
    """Count the events that say that one of these reservations has expired."""
    ours = set(reservations)
    return Counter(r.key for r in records if r.type == "reservation.expired" and r.key in ours)


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
        outcomes: list[Purchase | httpx.Response] = []

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


# --- the API


def test_the_api_killed_amid_payments_each_is_made_once(site: Site, kafka_records: KafkaReader):
    each = 8
    sale = site.sale(seats=6 * each, max_seats_per_fan=each)
    shoppers = fans(site, 6)
    failures = watched(shoppers)
    paid: list[tuple[Shopper, dict[str, Any], dict[str, str], dict[str, Any]]] = []
    purchases: list[Purchase] = []

    def shop(number: int) -> None:
        shopper = shoppers[number]
        for seat in sale.seat_ids[number :: len(shoppers)]:
            held = shopper.hold(sale.performance_id, [seat])
            assert held.status_code == 201, held.text
            reservation, amount = held.json()["id"], held.json()["amount"]["amount"]
            body = {"reservation_id": reservation, "method": "POINTS"}
            key = {"Idempotency-Key": str(uuid4())}
            answer = shopper.send("POST", "/payments/", json=body, headers=key)
            assert answer.status_code == 201, answer.text
            paid.append((shopper, body, key, answer.json()))
            purchases.append(Purchase(shopper.fan.user_id, reservation, (seat,), amount))

    with ThreadPoolExecutor(len(shoppers)) as pool:
        running = [pool.submit(shop, number) for number in range(len(shoppers))]
        for _ in range(2):
            seen = len(paid)
            await_that(lambda seen=seen: len(paid) >= seen + 6, "payments go on", seconds=60)
            workers = psutil.Process(site.process("api")["pid"]).children(recursive=True)
            assert workers
            for worker in workers:
                worker.kill()
        for shopping in running:
            shopping.result(timeout=90)

    assert len(paid) == len(sale.seat_ids)
    assert failures, "the kills met no request"
    assert not_promised(failures) == []
    for shopper, body, key, answer in paid:
        again = shopper.send("POST", "/payments/", json=body, headers=key)
        assert (again.status_code, again.json()) == (201, answer)
    rows = site.rows(
        "SELECT p.id FROM payments_payment p JOIN reservations_reservation r"
        " ON r.id = p.reservation_id WHERE r.performance_id = %s AND p.status = 'PAID'",
        sale.performance_id,
    )
    assert sorted(str(row[0]) for row in rows) == sorted(answer["id"] for *_, answer in paid)
    facts = collect(site, sale, shoppers, purchases, kafka_records, points=POINTS)
    assert violations(facts, repeats_allowed=True) == []
