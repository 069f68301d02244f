"""A large layout put on sale is read in few steps, whatever autovacuum saw while it was written."""

import pytest
from django.db import connection

from catalogue import queries as catalogue
from concerts import operations as layout_operations
from concerts.layout import files
from concerts.layout.form import Layout
from concerts.models import Performance
from concerts.usecases import layouts
from kernel.db import planner_statistics
from kernel.db.transaction import transaction
from reservations import operations as inventory_operations
from reservations.usecases import inventory
from tests.support import factories
from tests.support.interleaving import in_another_session

SEATS = 2000


def analyze(*tables: str) -> None:
    """Do what autovacuum does when its round comes to these tables."""

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {', '.join(tables)}")

    in_another_session(run)


def layout() -> Layout:
    lines = ["section,grade,price,row,seat,x,y,accessible"]
    lines += [f"A,R,100000,1,{number},{number},0,0" for number in range(SEATS)]
    read, problems = files.read(name="hall.csv", content="\n".join(lines).encode())
    assert read is not None, problems
    return read


def put_on_sale_while_analyzed(monkeypatch: pytest.MonkeyPatch) -> Performance:
    """Import a layout and put it on sale; autovacuum comes by in the midst of either."""
    monkeypatch.setattr(layout_operations, "SEATS_A_STATEMENT", SEATS // 2)
    make_inventory = inventory_operations.make_inventory

    def analyzed(**arguments):
        made = make_inventory(**arguments)
        analyze("reservations_seatinventory")
        return made

    monkeypatch.setattr(inventory_operations, "make_inventory", analyzed)
    performance = factories.make_performance(seats=0, on_sale=False)
    now = performance.sale_policy.sale_opens_at
    layouts.import_layout(
        performance_id=performance.pk,
        layout=layout(),
        actor_id=None,
        reason="test",
        now=now,
        progress=lambda *_: analyze("concerts_section", "concerts_seat"),
    )
    inventory.put_on_sale(performance_id=performance.pk, actor_id=None, now=now)
    return performance


def rows_expected() -> dict[str, float]:
    """Return how many rows the planner last heard of, per table of seats."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, reltuples FROM pg_class"
            " WHERE relname IN ('concerts_seat', 'reservations_seatinventory')"
        )
        return dict(cursor.fetchall())


def rows_read_for_a_summary(performance: Performance) -> int:
    now = performance.sale_policy.sale_opens_at
    with transaction(), connection.cursor() as cursor:
        summary = catalogue.performance(performance.pk, now=now)
        assert summary.seats_available == SEATS
        cursor.execute(
            "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables"
        )
        return cursor.fetchone()[0]


def test_a_layout_analyzed_in_the_midst_of_its_import_is_read_in_few_steps(db_ready, monkeypatch):
    performance = put_on_sale_while_analyzed(monkeypatch)
    assert rows_expected() == {"concerts_seat": SEATS, "reservations_seatinventory": SEATS}
    assert rows_read_for_a_summary(performance) < 10 * SEATS


def test_control_without_new_statistics_the_planner_takes_both_tables_for_empty(
    db_ready, monkeypatch
):
    monkeypatch.setattr(planner_statistics, "_analyze", lambda *_: None)
    put_on_sale_while_analyzed(monkeypatch)
    assert rows_expected() == {"concerts_seat": 0, "reservations_seatinventory": 0}


def test_statistics_that_cannot_be_renewed_undo_nothing(db_ready, monkeypatch, caplog):
    with transaction():
        concert = factories.make_concert(published=False)
        planner_statistics.analyze_after_commit(Performance)
        monkeypatch.setattr(Performance._meta, "db_table", "no_such_table")
        planner_statistics.analyze_after_commit(Performance)
    concert.refresh_from_db()
    assert 'statistics of "no_such_table" not renewed' in caplog.text
