"""Many people are added in few steps, though the session planned its queries for empty tables."""

import pytest
from django.db import connection

from accounts import operations as accounts
from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.money import Money
from points import operations as points

PEOPLE = 1000


def add_people(count: int) -> int:
    """Add people with points; return how many rows were read one by one."""
    people = {uuid7(): f"fan-{number}-{uuid7().hex}@example.com" for number in range(count)}
    with transaction(), connection.cursor() as cursor:
        accounts.add_people(emails=people)
        points.open_accounts_with_points(
            user_ids=people, amount=Money(5, "KRW"), reference=uuid7(), now=clock.now()
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT sum(seq_tup_read) FROM pg_stat_xact_user_tables")
        return int(cursor.fetchone()[0])


def keep_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (accounts, points):
        monkeypatch.setattr(module, "discard_plans", lambda: None)


@pytest.fixture
def planned_for_empty_tables(db_ready) -> None:
    """Let this session keep the plans that PostgreSQL makes while the tables are empty."""
    with pytest.MonkeyPatch.context() as monkeypatch, connection.cursor() as cursor:
        keep_plans(monkeypatch)
        for setting in ("enable_indexscan", "enable_bitmapscan"):
            cursor.execute(f"SET {setting} = off")
        cursor.execute("DISCARD PLANS")
        for _ in range(7):  # after five, PostgreSQL keeps one plan for all values
            add_people(1)
        for setting in ("enable_indexscan", "enable_bitmapscan"):
            cursor.execute(f"RESET {setting}")


@pytest.mark.usefixtures("planned_for_empty_tables")
def test_a_thousand_people_are_added_without_reading_the_table_for_each():
    assert add_people(PEOPLE) < 20 * PEOPLE


@pytest.mark.usefixtures("planned_for_empty_tables")
def test_control_with_the_plans_kept_each_of_them_reads_all_others(monkeypatch):
    keep_plans(monkeypatch)
    assert add_people(PEOPLE) > PEOPLE * PEOPLE / 2
