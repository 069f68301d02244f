"""Promises of the sales figures: each confirmed reservation counted once, in its hour."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.consumers import Event, apply_many, apply_once, configured
from events.models import InboxEntry
from kernel import clock
from kernel.db.transaction import TransactionRequired
from kernel.ids import uuid7
from sale_statistics import operations, queries
from sale_statistics.consumers import statistics
from sale_statistics.models import HourlyPoints, HourlySales
from tests.support.concurrency import race
from tests.support.consuming import running, start_from_now
from tests.support.database import deadlocks
from tests.support.outbox import new_event, relay_all, sale_confirmed, write
from tests.support.waiting import await_that


def figures(performance_id) -> list[tuple]:
    rows = HourlySales.objects.filter(performance_id=performance_id).order_by("hour")
    return list(rows.values_list("hour", "reservations", "seats", "amount", "currency"))


@pytest.mark.kafka
def test_confirmed_reservations_add_up_by_performance_and_hour(kafka):
    start_from_now(kafka, "statistics")
    one, two = uuid7(), uuid7()
    at = datetime.now(UTC).replace(minute=59, second=59, microsecond=0) - timedelta(hours=3)
    hour = at.replace(minute=0, second=0)
    write(sale_confirmed(one, seats=2, price=1000), sale_confirmed(one, seats=1), now=at)
    write(sale_confirmed(one, seats=4, price=500), now=at + timedelta(seconds=1))
    write(sale_confirmed(two, seats=1, price=7), now=at)
    write(replace(new_event(), type="points.refunded"))  # which nobody counts
    relay_all()
    [consumer] = configured(["statistics"])
    with running(consumer):
        await_that(lambda: InboxEntry.objects.count() == 4, "counted", seconds=30)
    assert figures(one) == [
        (hour, 2, 3, 3000, "KRW"),
        (hour + timedelta(hours=1), 1, 4, 2000, "KRW"),
    ]
    assert figures(two) == [(hour, 1, 1, 7, "KRW")]


def test_adding_needs_the_transaction_of_the_inbox_row():
    for add in (operations.add_sales, operations.add_points):
        with pytest.raises(TransactionRequired):
            add({})


def test_holds_and_sales_of_an_hour_make_its_conversion(db_ready):
    performance_id = uuid7()
    held = [_sale(performance_id, "reservation.held") for _ in range(4)]
    apply_many(statistics, [*held, _sale(performance_id)], now=clock.now())
    [row] = HourlySales.objects.all()
    assert (row.held, row.reservations, row.conversion) == (4, 1, 0.25)
    assert (row.seats, row.amount) == (2, 2000)  # of the sale alone
    assert HourlySales(held=0, reservations=1).conversion is None


def test_points_charged_and_spent_add_up_by_hour(db_ready):
    at = datetime(2026, 11, 26, 10, 59, 59, tzinfo=UTC)
    later = at + timedelta(seconds=1)
    charged = [_points("points.charged", amount, at) for amount in (100, 50)]
    spent = [_points("points.spent", 30, at), _points("points.spent", 7, later)]
    apply_many(statistics, [*charged, *spent], now=clock.now())
    rows = HourlyPoints.objects.order_by("hour")
    figures = [(row.charges, row.charged, row.payments, row.spent) for row in rows]
    assert figures == [(2, 150, 1, 30), (0, 0, 1, 7)]
    assert [row.hour.hour for row in rows] == [10, 11]


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 3)), max_size=25))
def test_counted_together_or_one_by_one_the_figures_are_the_same(db_ready, chosen):
    names = [uuid7() for _ in range(3)]
    kinds = ("reservation.held", "reservation.confirmed", "points.charged", "points.spent")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    events = []
    for kind, name, hour in chosen:
        at = start + timedelta(hours=hour)
        events.append(
            _points(kinds[kind], 5, at)
            if kinds[kind].startswith("points")
            else replace(_sale(names[name], kinds[kind]), time=at)
        )
    apply_many(statistics, events, now=clock.now()) if events else None
    together = all_figures()
    for model in (HourlySales, HourlyPoints, InboxEntry):
        model.objects.all().delete()
    for event in events:
        apply_once(statistics, event, now=clock.now())
    assert all_figures() == together
    for model in (HourlySales, HourlyPoints, InboxEntry):
        model.objects.all().delete()


def test_members_that_count_the_same_performances_at_once_lose_and_repeat_nothing(db_ready):
    names = [uuid7() for _ in range(5)]
    batches = [[_sale(name) for name in order] for order in (names, names[::-1]) * 4]
    before = deadlocks()
    race(*[lambda batch=batch: apply_many(statistics, batch, now=clock.now()) for batch in batches])
    assert sorted(HourlySales.objects.values_list("reservations", flat=True)) == [8] * 5
    assert deadlocks() == before


def test_staff_read_the_figures_from_the_replica(db_ready):
    await_that(
        lambda: queries.from_replica(HourlySales.objects.all()).db == "replica",
        "the replica is recent enough",
    )


def all_figures() -> list:
    sales = HourlySales.objects.order_by("performance_id", "hour", "currency")
    points = HourlyPoints.objects.order_by("hour", "currency")
    return [
        *sales.values_list("performance_id", "hour", "held", "reservations", "seats", "amount"),
        *points.values_list("hour", "charges", "charged", "payments", "spent"),
    ]


def _sale(performance_id, type_="reservation.confirmed") -> Event:
    data = sale_confirmed(performance_id).data | {"performance_id": str(performance_id)}
    return Event(uuid7(), "/frontrow/reservations", type_, "subject", clock.now(), data)


def _points(type_, amount, at) -> Event:
    data = {"amount": {"amount": amount, "currency": "KRW"}}
    return Event(uuid7(), "/frontrow/points", type_, "subject", at, data)


def test_an_event_without_its_fields_is_an_error_and_counts_nothing(db_ready):
    event = _event(data={"performance_id": str(uuid7())})
    with pytest.raises(KeyError):
        apply_once(statistics, event, now=clock.now())
    assert not HourlySales.objects.exists()
    assert statistics.wants(event)


def test_other_reservation_events_are_not_its_business():
    assert not statistics.wants(_event(type_="reservation.released"))


def _event(*, type_="reservation.confirmed", data=None) -> Event:
    source = "/frontrow/reservations"
    return Event(uuid7(), source, type_, "subject", clock.now(), data or {})
