"""A change of times is judged by what is sold, and when the sale ends, once it is committed."""

from datetime import timedelta

import pytest

from concerts.errors import NeedsConfirmation
from concerts.locking import lock_performance
from concerts.models import Performance
from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from reservations import locking
from reservations.models import SeatInventory
from reservations.usecases import sale
from tests.support import factories
from tests.support.interleaving import InBackground, await_a_waiting_session
from tests.support.schedules import codes, edit, save

pytestmark = pytest.mark.concurrency

DAY = timedelta(days=1)


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=2)


def hold_first_seat(performance):
    SeatInventory.objects.filter(pk=factories.seat_ids(performance, 1)[0]).update(
        status="TEMPORARILY_RESERVED", reservation_id=uuid7(), held_until=clock.now() + DAY
    )


def move(performance):
    return InBackground(lambda: save(edit(performance, starts_at=performance.starts_at + DAY)))


def test_the_first_hold_under_way_is_asked_about(performance):
    with transaction():
        hold_first_seat(performance)
        moving = move(performance)
        await_a_waiting_session()
    outcome = moving.outcome()
    assert isinstance(outcome, NeedsConfirmation), outcome
    assert codes(outcome.extras["questions"]) == ["seats_taken"]


@pytest.mark.control
def test_control_a_count_without_locks_misses_the_hold_under_way(performance, monkeypatch):
    monkeypatch.setattr(locking, "lock_inventory", lambda **_: 0)
    with transaction():
        hold_first_seat(performance)
        assert move(performance).outcome() is None


def test_where_seats_are_sold_already_nobody_waits_for_holds(performance):
    with transaction():
        hold_first_seat(performance)
    with transaction():
        locking.lock_rows(seat_ids=factories.seat_ids(performance))
        outcome = move(performance).outcome()
    assert isinstance(outcome, NeedsConfirmation), outcome


def end_of_sale(performance):
    return InBackground(
        lambda: sale.set_policy(
            performance_id=performance.pk,
            changes={"sale_closes_at": performance.starts_at - timedelta(hours=1)},
            reason="longer",
            actor_id=None,
            now=clock.now(),
        )
    )


def test_a_sale_s_end_is_compared_with_the_start_that_is_being_saved(performance):
    with transaction():
        lock_performance(performance_id=performance.pk)
        Performance.objects.update(starts_at=performance.starts_at - timedelta(hours=2))
        closing = end_of_sale(performance)
        await_a_waiting_session()
    outcome = closing.outcome()
    assert isinstance(outcome, NeedsConfirmation), outcome
    assert codes(outcome.extras["questions"]) == ["start_before_sale_end"]


@pytest.mark.control
def test_control_without_the_performance_s_lock_the_old_start_decides(performance, monkeypatch):
    monkeypatch.setattr(
        sale, "lock_performance", lambda performance_id: Performance.objects.get(pk=performance_id)
    )
    with transaction():
        lock_performance(performance_id=performance.pk)
        Performance.objects.update(starts_at=performance.starts_at - timedelta(hours=2))
        outcome = end_of_sale(performance).outcome()
    assert not isinstance(outcome, Exception), outcome
