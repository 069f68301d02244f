"""What holding, paying and listing cost on top of a year of reservations.

The rows go straight into the partitions of the twelve months before now, evenly, a seat each, ten a
fan. The same fans then hold, pay and list through the product's own use cases with none, a tenth
and all of the rows there. `--rows 10000000` is the year of the design; it takes about 8 GB. Import
once Django is set up.
"""

import os
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.db import connection
from psycopg import sql

from accounts.models import User
from bench.environment import milliseconds
from bench.fixtures import make_hall, seat_ids
from concerts.models import Performance
from kernel import clock
from kernel.db.partitions import ensure_partitions
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.money import Money
from payments.models import Payment
from payments.usecases import checkout
from points import operations as points
from reservations import queries
from reservations.models import Reservation
from reservations.usecases import holds

_MONTHS = 12
_CHUNK = 250_000
_PER_FAN = 10
_OLD_PER_MEASURED_FAN = 10

# Fans and seats of these rows exist by number only: what is measured never joins them.
_FILL = """
    SET session_replication_role = replica;
    WITH made AS (
        INSERT INTO reservations_reservation
            (id, performance_id, user_id, status, amount, currency, created_at, expires_at,
             extendable_until, payment_status, closed_at)
        SELECT uuidv7(-(interval '1 day' * (365.0 * n / {rows}))), {performance},
               ('00000000-0000-7000-8000-' || lpad(to_hex(n % {fans}), 12, '0'))::uuid,
               CASE WHEN n % 5 = 0 THEN 'EXPIRED' ELSE 'CONFIRMED' END, 1000, 'KRW',
               now(), now(), now(), '', now()
        FROM generate_series({first}, {last}) n
        RETURNING id
    )
    INSERT INTO reservations_reservationseat (id, reservation_id, seat_id, price, currency)
    SELECT uuidv7(), id, id, 1000, 'KRW' FROM made;
    SET session_replication_role = DEFAULT;
"""


def measure(rows: int, times: int, *, counts: Sequence[int] = ()) -> dict[str, Any]:
    """Return the costs with none, a tenth and all of `rows` reservations, or with `counts`."""
    now = clock.now()
    ensure_partitions(
        "reservations_reservation",
        now=now - timedelta(days=366),
        months_ahead=_MONTHS,
    )
    steps = tuple(counts) or (0, rows // 10, rows)
    performance = make_hall(times * len(steps) * 2 + 1000)
    seats = iter(seat_ids(performance))
    fans = [User.objects.create_user(f"scale-{n}@example.com", None).pk for n in range(times)]
    with transaction():
        points.open_accounts_with_points(
            user_ids=fans, amount=Money(10**6), reference=uuid4(), now=now
        )
    _old_reservations(fans, performance)
    figures: dict[str, Any] = {"rows": rows}
    filled = 0
    for wanted in steps:
        begun = time.perf_counter()
        _fill(filled, wanted, rows, performance)
        filled = wanted
        figures[f"filled_to_{wanted}_in_s"] = round(time.perf_counter() - begun, 1)
        figures[f"with_{wanted}"] = _costs(performance, fans, [next(seats) for _ in fans])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_size_pretty(pg_database_size(current_database()))")
        figures["database"] = cursor.fetchone()[0]
    return figures


def fill(rows: int, performance: Performance) -> None:
    """Write `rows` reservations of a year, where there are none."""
    now = clock.now()
    ensure_partitions(
        "reservations_reservation", now=now - timedelta(days=366), months_ahead=_MONTHS
    )
    _fill(0, rows, rows, performance)


def _fill(first: int, last: int, rows: int, performance: Performance) -> None:
    # A connection of its own: the product's give up a statement that takes longer than a request.
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as cursor:
        cursor.execute("SET synchronous_commit = off")
        for start in range(first, last, _CHUNK):
            cursor.execute(
                sql.SQL(_FILL).format(
                    first=start,
                    last=min(start + _CHUNK, last) - 1,
                    rows=rows,
                    fans=max(1, rows // _PER_FAN),
                    performance=sql.Literal(str(uuid7())),
                )
            )
        cursor.execute("VACUUM ANALYZE reservations_reservation, reservations_reservationseat")


def _old_reservations(fans: list[UUID], performance: Performance) -> None:
    """Give each measured fan a history of a year, so that the list has something to look for."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO reservations_reservation
                (id, performance_id, user_id, status, amount, currency, created_at, expires_at,
                 extendable_until, payment_status, closed_at)
            SELECT uuidv7(-(interval '1 day' * (30 + 30 * n))), %s, fan, 'EXPIRED', 1000, 'KRW',
                   now(), now(), now(), '', now()
            FROM unnest(%s::uuid[]) fan, generate_series(1, %s) n
            """,
            [performance.pk, fans, _OLD_PER_MEASURED_FAN],
        )


def _costs(performance: Performance, fans: list[UUID], seats: list[UUID]) -> dict[str, Any]:
    made: list[UUID] = []
    pairs = iter(zip(fans, seats, strict=True))
    holders, payers, readers = iter(fans), iter(fans), iter(fans)

    def hold() -> None:
        fan, seat = next(pairs)
        done = holds.place(
            user_id=next(holders),
            performance_id=performance.pk,
            seat_ids=[seat],
            reservation_id=uuid7(),
            queue_token=None,
            now=clock.now(),
        )
        assert done.user_id == fan
        made.append(done.id)

    def pay() -> None:
        checkout.begin(
            user_id=next(payers),
            reservation_id=made.pop(0),
            method=Payment.Method.POINTS,
            points_amount=None,
            payment_id=uuid7(),
            request_key=uuid4().hex * 2,
            resumed=False,
            now=clock.now(),
        )

    def look() -> None:
        rows = queries.mine(user_id=next(readers), now=clock.now()).order_by("-id")[:20]
        assert len(queries.details(rows, now=clock.now())) > _OLD_PER_MEASURED_FAN

    times = len(fans)
    assert Reservation.objects.filter(user_id=fans[0]).count() >= _OLD_PER_MEASURED_FAN
    return {
        name: _counting_pages(work, times)
        for name, work in {"hold": hold, "pay": pay, "list": look}.items()
    }


def _counting_pages(work: Callable[[], None], times: int) -> dict[str, Any]:
    """Return the times, and the pages PostgreSQL looked at: no other load changes those."""
    before = pages()
    took = milliseconds(work, times=times)
    return took | {"pages": round((pages() - before) / times)}


def pages() -> int:
    """Return how many pages PostgreSQL has looked at in this database so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()"
        )
        return int(cursor.fetchone()[0])
