"""The replica lags while staff change what it shows: nobody sees the old value again."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from stack.data_dir import DataDir
from stack.postgres.cluster import SUPERUSER
from tests.support.site import ROOT, Site
from tests.support.waiting import await_that

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
    password = DataDir(site.data).passwords.superuser
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
    # The API itself: the gateway may keep a performance for the two seconds of its max-age.
    api = site.http()
    api.base_url = f"http://127.0.0.1:{site.port('api')}"

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
    away = site.http()
    for path in (concert, performance):
        await_that(lambda path=path: away.get(path).status_code == 404, "the gateway has let go")
