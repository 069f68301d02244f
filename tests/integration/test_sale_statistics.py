"""Promises of the sales figures: each confirmed reservation counted once, in its hour."""

from datetime import UTC, datetime, timedelta

import pytest

from events.consumers import Event, apply_once, configured
from events.models import InboxEntry
from kernel import clock
from kernel.db.transaction import TransactionRequired
from kernel.ids import uuid7
from kernel.money import Money
from sale_statistics import operations
from sale_statistics.consumers import statistics
from sale_statistics.models import HourlySales
from tests.support.consuming import running, start_from_now
from tests.support.outbox import new_event, relay_all, sale_confirmed, write
from tests.support.waiting import await_that


def figures(performance_id) -> list[tuple]:
    rows = HourlySales.objects.filter(performance_id=performance_id).order_by("hour")
    return list(rows.values_list("hour", "reservations", "seats", "amount", "currency"))


@pytest.mark.kafka
def test_confirmed_reservations_add_up_by_performance_and_hour(kafka):
    start_from_now(kafka, "statistics", "frontrow.reservations.v1")
    one, two = uuid7(), uuid7()
    at = datetime.now(UTC).replace(minute=59, second=59, microsecond=0) - timedelta(hours=3)
    hour = at.replace(minute=0, second=0)
    write(sale_confirmed(one, seats=2, price=1000), sale_confirmed(one, seats=1), now=at)
    write(sale_confirmed(one, seats=4, price=500), now=at + timedelta(seconds=1))
    write(sale_confirmed(two, seats=1, price=7), now=at)
    write(new_event())
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
    with pytest.raises(TransactionRequired):
        operations.add_sale(performance_id=uuid7(), at=clock.now(), seats=1, amount=Money(1))


def test_an_event_without_its_fields_is_an_error_and_counts_nothing(db_ready):
    event = _event(data={"performance_id": str(uuid7())})
    with pytest.raises(KeyError):
        apply_once(statistics, event, now=clock.now())
    assert not HourlySales.objects.exists()
    assert statistics.wants(event)


def test_other_reservation_events_are_not_its_business():
    assert not statistics.wants(_event(type_="reservation.held"))


def _event(*, type_="reservation.confirmed", data=None) -> Event:
    source = "/frontrow/reservations"
    return Event(uuid7(), source, type_, "subject", clock.now(), data or {})
