"""A sale that runs while its pictures are taken: fans who wait, hold and pay, of whom one is known.

What a site of a minute cannot have is written into its rows: names of people, and that its first
tickets were sold over three days. So it is for a site of pictures alone.
"""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.shopper import Shopper
from tests.support.site import Fan, Sale, Site
from tests.support.waiting import await_that

MOST_SECONDS = 180
_ROOM = {"rate_per_second": 2, "capacity": 300, "queue_required": False}
_FANS = 150
_POINTS = 2_000_000
_PAYING = 0.8
_NAME = "Minji Kim"
# Half past seven in Seoul, thirty days on.
_STARTS = "date_trunc('day', now() + interval '30 days') + interval '10 hours 30 minutes'"
_TICKETS, _EACH = 80, 4  # sold before, so many to a fan
_BY_HOUR = (1, 0, 2, 3, 1, 1, 0, 1, 2, 4, 2, 1, 0, 1, 1)  # sales, every fourth hour, latest first
_HOURS = """
WITH counted AS (
    DELETE FROM statistics_hourlysales WHERE performance_id = %(id)s
    RETURNING performance_id, currency, amount / reservations AS each
)
INSERT INTO statistics_hourlysales
       (id, performance_id, hour, held, reservations, seats, amount, currency)
SELECT gen_random_uuid(), performance_id,
       date_trunc('hour', now()) - make_interval(hours => 4 * nth::int),
       sales + nth %% 2, sales, sales * %(seats)s, sales * each, currency
  FROM counted, unnest(%(by_hour)s::int[]) WITH ORDINALITY AS hours (sales, nth)
 WHERE sales > 0
"""


class PictureSale:
    """One performance on sale with a crowd, and a draft; `fan` bought two seats."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._sale: Sale = site.sale(
            seats=1024, row_length=16, sections=8, price=99_000, queue=_ROOM
        )
        self.id = self._sale.performance_id
        draft = site.draft()
        self.draft_id = draft.performance_id
        self.fan, *self._others = site.fans(_FANS, _POINTS)
        self._execute(
            f"UPDATE concerts_performance SET starts_at = {_STARTS}"
            " WHERE id IN (%(sale)s, %(draft)s)",
            sale=self.id,
            draft=self.draft_id,
        )
        self._execute(
            "UPDATE concerts_concert SET title_en = 'Winter Concert', title_ko = '겨울 공연'"
            " WHERE id = %(id)s",
            id=draft.concert_id,
        )
        self._execute(
            "UPDATE accounts_user SET display_name = %(name)s WHERE id = %(id)s",
            name=_NAME,
            id=self.fan.user_id,
        )

        self._sell_before()

    def _sell_before(self) -> None:
        """Sell the first seats, and say that it was over the last days."""
        self._site.tickets(self._sale, _TICKETS)
        await_that(
            lambda: self._site.statistics(self.id)[1] == _TICKETS, "sales are counted", seconds=60
        )
        self._execute(_HOURS, id=self.id, by_hour=list(_BY_HOUR), seats=_EACH)
        self._site.change_room(self._sale, queue_required=True)

    def call_latest(self, role: str, name: str) -> None:
        """Give the newest member of a group of staff a name."""
        self._execute(
            "UPDATE accounts_user SET display_name = %(name)s WHERE id = ("
            " SELECT id FROM accounts_user WHERE email LIKE %(role)s ORDER BY id DESC LIMIT 1)",
            name=name,
            role=f"{role}-%",
        )

    def layouts(self, folder: Path) -> tuple[Path, Path]:
        """Return a layout, and one with seats that are moved, added and removed, as files."""
        blocks = {"A": (0, 99_000), "B": (24, 77_000)}
        before = [
            (code, price, row, seat, left + seat, row)
            for code, (left, price) in blocks.items()
            for row in range(1, 9)
            for seat in range(1, 21)
        ]
        kept = [one for one in before if not (one[0] == "B" and one[3] > 18)]
        after = [(*one[:5], one[5] + (one[2] > 6)) for one in kept]
        after += [
            ("A", 99_000, row, seat, seat, row + 1) for row in (9, 10) for seat in range(1, 21)
        ]
        files = []
        for name, rows in (("before", before), ("after", after)):
            lines = [
                f"{code},{'RS'['AB'.index(code)]},{price},{row},{seat},{x},{y}"
                for code, price, row, seat, x, y in rows
            ]
            file = folder / f"{name}.csv"
            file.write_text("\n".join(["section,grade,price,row,seat,x,y", *lines]) + "\n")
            files.append(file)
        return files[0], files[1]

    @contextmanager
    def selling(self) -> Iterator[None]:
        """Let the fan buy, and then a crowd wait and buy beside the block."""
        free = self._sale.seat_ids[_TICKETS:]
        pairs = [free[n : n + 2] for n in range(0, len(free), 2)]
        draw = random.Random(7)
        draw.shuffle(pairs)
        joined, over = threading.Barrier(len(self._others) + 1), threading.Event()
        fan = Shopper(self._site, self.fan)
        fan.buy(self.id, pairs.pop(), token=fan.join(self.id)["token"])

        def live(fan: Fan) -> None:
            pair, pays = pairs.pop(), draw.random() < _PAYING
            shopper = Shopper(self._site, fan)
            path = f"/performances/{self.id}/queue/"
            place = shopper.send("POST", path).json()
            joined.wait(MOST_SECONDS)
            headers = {"X-Queue-Token": place["token"]}
            while place["state"] == "WAITING":
                if over.wait(place["poll_after_seconds"]):
                    return
                place = shopper.send("GET", f"{path}me/", headers=headers).json()
            held = shopper.hold(self.id, pair, token=headers["X-Queue-Token"])
            if pays and held.status_code == 201:
                shopper.pay(held.json()["id"])

        with ThreadPoolExecutor(len(self._others)) as pool:
            for one in self._others:
                pool.submit(live, one)
            joined.wait(MOST_SECONDS)
            yield
            over.set()

    def _execute(self, statement: str, **values: object) -> None:
        with psycopg.connect(self._site.env["DATABASE_URL"]) as connection:
            connection.execute(statement, values)
