"""Writes of seats touch the rows they name, by key, however large the hall is."""

from datetime import timedelta

import pytest
from django.db import connection

from kernel import clock
from kernel.db.transaction import transaction
from reservations import operations
from reservations.models import SeatInventory
from tests.support import factories, money
from tests.support.holding import place

SEATS = 500


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=SEATS, price=10)


@pytest.fixture
def held(fan, performance):
    return place(fan, performance, factories.seat_ids(performance, 2))


def rows_read() -> int:
    """Return how many rows this transaction has read of the seats on sale.

    From now on it reads a whole table only where no index would do: this one is small enough for
    the planner to prefer that.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
            " WHERE relname = 'reservations_seatinventory'"
        )
        return cursor.fetchone()[0]


def test_moving_a_deadline_and_freeing_seats_read_no_other_seats(fan, held):
    seat_ids = [seat.seat_id for seat in held.seats]
    with transaction():
        locked = operations.lock_reservation(reservation_id=held.id, user_id=fan.pk)
        before = rows_read()
        operations.move_deadline(locked=locked, until=held.expires_at + timedelta(seconds=1))
        assert operations.free_seats(seat_ids=seat_ids, reservation_id=held.id) == 2
        assert rows_read() - before < 20


def test_selling_reads_no_other_seats(fan, held):
    with transaction():
        locked = operations.lock_reservation(reservation_id=held.id, user_id=fan.pk)
        before = rows_read()
        operations.confirm(
            confirmations=[operations.Confirmation(locked, payment_id=held.id)], now=clock.now()
        )
        assert rows_read() - before < 20


def test_seats_that_another_has_are_not_sold(fan, held):
    """Whatever the caller believes: the row decides, and nothing is written."""
    other = place(
        factories.make_user(), held.performance, factories.seat_ids(held.performance)[5:6]
    )
    SeatInventory.objects.filter(pk=held.seats[0].seat_id).update(reservation_id=other.id)
    with pytest.raises(operations.ReservationExpired), transaction():
        locked = operations.lock_reservation(reservation_id=held.id, user_id=fan.pk)
        operations.confirm(
            confirmations=[operations.Confirmation(locked, payment_id=held.id)], now=clock.now()
        )
    assert not SeatInventory.objects.filter(status="RESERVED").exists()


def test_seats_that_are_sold_are_not_freed(fan, held):
    money.give_points(fan, 100)
    money.begin(fan, held.id)
    seat_ids = [seat.seat_id for seat in held.seats]
    with transaction():
        assert operations.free_seats(seat_ids=seat_ids, reservation_id=held.id) == 0
    assert SeatInventory.objects.filter(status="RESERVED").count() == 2
