"""The size of a large hall's availability document, and the time it takes to build.

Measured after a change each time: one seat is taken, then the code that the API runs builds the
document. `best_seats...` is one choice of the chooser. Import once Django is set up.
"""

import gzip
import itertools
import random
from typing import Any

from django.db import connection

from accounts.models import User
from bench.environment import milliseconds
from bench.fixtures import make_hall
from catalogue import documents
from kernel import clock
from kernel.ids import uuid7
from reservations import queries
from reservations.seating import chooser
from reservations.seating.chooser import Wish
from reservations.seating.plan import SeatingPlan
from reservations.usecases import holds


def measure(seats: int, times: int) -> dict[str, Any]:
    """Return the figures of a hall with so many seats."""
    performance = make_hall(seats)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE reservations_seatinventory")
    rows = queries.plan_seats(performance_id=performance.pk)
    plan = SeatingPlan(rows)
    chosen = iter(random.Random(1).sample([seat.seat_id for seat in rows], times * 3))

    def change() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE reservations_seatinventory SET status = 'BLOCKED' WHERE seat_id = %s",
                [next(chosen)],
            )

    def query() -> Any:
        return queries.availability(performance_id=performance.pk, now=clock.now())

    def document() -> bytes:
        return documents.encode(documents.availability(query()))

    def after_a_change(build: Any) -> dict[str, float]:
        took = []
        for _ in range(times):
            change()
            took.append(milliseconds(build, times=1)["median_ms"])
        took.sort()
        return {"median_ms": took[len(took) // 2], "p95_ms": took[int(len(took) * 0.95)]}

    figures = {"seats": seats, "query": after_a_change(query), "document": after_a_change(document)}
    body = document()
    letters = bytearray(b"T" * seats)
    for position in random.Random(2).sample(range(seats), seats // 10):
        letters[position : position + 1] = b"A"
    free, sold = b"A" * seats, bytes(letters)
    place = itertools.count()
    return figures | {
        "document_bytes": len(body),
        "document_bytes_gzip": len(gzip.compress(body)),
        "hall_built_once": milliseconds(lambda: SeatingPlan(rows), times=3),
        "best_seats_of_an_empty_hall": milliseconds(
            lambda: chooser.choose(plan, free, Wish(2)), times=times
        ),
        "best_seats_of_a_hall_nine_tenths_sold": milliseconds(
            lambda: chooser.choose(plan, sold, Wish(4)), times=times
        ),
        "best_seats_held": milliseconds(
            lambda: holds.place_best(
                user_id=User.objects.create_user(f"b{next(place)}@example.com", None).pk,
                performance_id=performance.pk,
                wish=Wish(2),
                reservation_id=uuid7(),
                queue_token=None,
                now=clock.now(),
            ),
            times=times,
        ),
    }
