"""A look-up by key opens one partition of the real tables, whatever does the looking."""

import re
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.db.partitions import months_covered
from kernel.ids import first_uuid7_at, uuid7
from reservations import queries
from reservations.usecases import holds
from tests.support import factories, money
from tests.support.holding import place

TABLES = (
    "accounts_auditentry",
    "events_inboxentry",
    "events_outboxevent",
    "notifications_notification",
    "reservations_reservation",
    "webhooks_webhookdelivery",
)
_PARTITION = re.compile(r"\b([a-z_]+)_p(\d{6})\b")


def explained(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + sql)
        return "\n".join(line for (line,) in cursor.fetchall())


def opened(sql: str, table: str) -> set[str]:
    """Return the months of `table` that a statement would read."""
    return {month for name, month in _PARTITION.findall(explained(sql)) if name == table}


def test_these_are_the_partitioned_tables_and_they_reach_two_years_ahead(db_ready):
    with connection.cursor() as cursor:
        cursor.execute("SELECT partrelid::regclass::text FROM pg_partitioned_table ORDER BY 1")
        assert tuple(name for (name,) in cursor.fetchall()) == TABLES
    for table in TABLES:
        assert months_covered(table, now=clock.now()) >= 24


@pytest.mark.parametrize("table", TABLES)
def test_a_look_up_by_key_opens_the_month_of_the_key(db_ready, table):
    for month in (clock.now(), datetime(clock.now().year + 1, 2, 3, tzinfo=UTC)):
        key = first_uuid7_at(month)
        assert opened(f"SELECT * FROM {table} WHERE id = '{key}'", table) == {f"{month:%Y%m}"}


@pytest.mark.control
@pytest.mark.parametrize("table", TABLES)
def test_control_a_look_up_by_something_else_opens_them_all(db_ready, table):
    assert len(opened(f"SELECT * FROM {table} WHERE id::text = 'x'", table)) >= 24


def test_everything_done_with_a_reservation_opens_one_month(fan, db_ready):
    performance = factories.make_performance(seats=6)
    seats = factories.seat_ids(performance)
    money.give_points(fan, 1_000_000)
    now = clock.now()
    month = {f"{now:%Y%m}"}
    paid, released, lapsed = (
        place(fan, performance, seats[n : n + 1], now=now).id for n in range(3)
    )
    with CaptureQueriesContext(connection) as captured:
        queries.find(reservation_id=paid, user_id=fan.pk, now=now)
        holds.extend(reservation_id=paid, user_id=fan.pk, now=now)
        money.begin(fan, paid, now=now)
        holds.release(reservation_id=released, user_id=fan.pk, now=now)
        # Another fan takes over what has lapsed; `uuid7` keys of that hold are of this month too.
        late = queries.find(reservation_id=lapsed, user_id=fan.pk, now=now).expires_at
        place(factories.make_user(), performance, seats[2:3], now=late)
    looked = 0
    with transaction.atomic():
        for query in captured.captured_queries:
            sql = query["sql"]
            if "reservations_reservation" not in sql or sql.startswith("INSERT"):
                continue
            if "reservations_seats_of_fans" in sql:
                continue  # the count per fan: bounded by the sale, see test_holds
            if "BETWEEN" in sql:
                continue
            looked += bool(opened(sql, "reservations_reservation"))
            assert opened(sql, "reservations_reservation") <= month, sql
    assert looked >= 8
    assert uuid7() > paid
