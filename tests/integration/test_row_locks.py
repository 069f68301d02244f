"""Each function of a `locking` module locks the rows it names until the end, and no others."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Model

from accounts import locking as account_locking
from accounts.models import User
from concerts import locking as concert_locking
from concerts.models import Concert, Performance
from kernel.db.transaction import TransactionRequired, transaction
from kernel.ids import uuid7
from points import locking as point_locking
from points.models import Account
from queueing import locking as queue_locking
from queueing.models import Invitation, QueueConfig, QueueProgress
from reservations import locking as reservation_locking
from reservations.models import Reservation, SalePolicy, SeatInventory
from tests.support import factories, money
from tests.support.database import other_transaction
from tests.support.holding import place
from tests.support.waiting_rooms import Room

pytestmark = pytest.mark.usefixtures("db_ready")


def locked_while(call: Callable[[], Any], model: type[Model]) -> set[Any]:
    """Return the keys of the rows of a table that nobody else can lock after `call`."""
    table, key = model._meta.db_table, model._meta.pk.column
    with transaction():
        call()
        with other_transaction() as cursor:
            cursor.execute(f"SELECT {key} FROM {table}")
            everything = {row[0] for row in cursor.fetchall()}
            cursor.execute(f"SELECT {key} FROM {table} FOR UPDATE SKIP LOCKED")
            return everything - {row[0] for row in cursor.fetchall()}


def test_of_a_waiting_room_its_config_progress_and_invitation():
    room, other = Room.open(), Room.open()
    for each in (room, other):
        each.join()
        each.issue_invitations()
    mine = Invitation.objects.get(performance=room.performance).pk
    key = room.performance.pk
    assert locked_while(lambda: queue_locking.lock_config(key), QueueConfig) == {key}
    assert locked_while(lambda: queue_locking.lock_progress(key), QueueProgress) == {key}
    keys = [key, other.performance.pk]
    rows = locked_while(lambda: queue_locking.lock_progress_rows(keys), QueueProgress)
    assert rows == set(keys)
    assert locked_while(lambda: queue_locking.lock_invitation(mine), Invitation) == {mine}


def test_progress_rows_that_somebody_has_are_stepped_over():
    room, other = Room.open(), Room.open()
    for each in (room, other):
        each.join()
    keys = [room.performance.pk, other.performance.pk]
    with other_transaction() as cursor:
        cursor.execute(
            "SELECT FROM queueing_queueprogress WHERE performance_id = %s FOR UPDATE", [keys[0]]
        )
        with transaction():
            assert queue_locking.lock_progress_rows(keys) == [keys[1]]


def test_of_the_ledger_the_accounts_named():
    fan, other = factories.make_user(), factories.make_user()
    for each in (fan, other):
        money.give_points(each, 100)
    mine = Account.objects.get(user=fan).pk
    assert locked_while(lambda: point_locking.lock(accounts=[mine]), Account) == {mine}
    moved = locked_while(lambda: point_locking.lock_and_move(amounts={mine: -5}), Account)
    assert moved == {mine}
    too_much = locked_while(lambda: point_locking.lock_and_move(amounts={mine: -500}), Account)
    assert too_much == {mine}
    ours = Account.objects.filter(balance__isnull=True).values_list("pk", flat=True)[0]
    paid = locked_while(lambda: point_locking.lock_and_move(amounts={mine: -5, ours: 5}), Account)
    assert paid == {mine}  # an account without a balance is nobody's to wait for


def test_of_a_sale_the_seats_reservation_and_policy():
    fan = factories.make_user()
    performance, other = (factories.make_performance(seats=4) for _ in range(2))
    seats, others = factories.seat_ids(performance), factories.seat_ids(other)
    held = place(fan, performance, seats[:2])
    place(fan, other, others[:1])

    def seats_to_hold():
        reservation_locking.lock_seats(
            performance_ids=[performance.pk], seat_ids=[*seats[2:], others[3]]
        )

    def reservation():
        reservation_locking.lock_reservation(reservation_id=held.id, user_id=fan.pk)

    def nothing_of_anothers():
        reservation_locking.lock_reservation(reservation_id=held.id, user_id=uuid7())

    assert locked_while(nothing_of_anothers, SeatInventory) == set()
    assert locked_while(seats_to_hold, SeatInventory) == set(seats[2:])
    assert locked_while(reservation, SeatInventory) == set(seats[:2])
    assert locked_while(reservation, Reservation) == {held.id}
    rows = locked_while(lambda: reservation_locking.lock_rows(seat_ids=others[:3]), SeatInventory)
    assert rows == set(others[:3])
    inventory = locked_while(
        lambda: reservation_locking.lock_inventory(performance_ids=[other.pk]), SeatInventory
    )
    assert inventory == set(others)
    policy = locked_while(
        lambda: reservation_locking.lock_sale_policy(performance_id=other.pk), SalePolicy
    )
    assert policy == {other.pk}


def test_reservations_of_which_somebody_has_a_row_are_stepped_over_where_that_is_asked():
    performance = factories.make_performance(seats=6)
    seats = factories.seat_ids(performance)
    fans = [factories.make_user() for _ in range(3)]
    held = [place(fan, performance, seats[2 * n : 2 * n + 2]).id for n, fan in enumerate(fans)]
    wanted = [(key, fan.pk) for key, fan in zip(held, fans, strict=True)]
    with other_transaction() as cursor:
        cursor.execute(
            "SELECT FROM reservations_seatinventory WHERE seat_id = %s FOR UPDATE", [seats[1]]
        )
        cursor.execute("SELECT FROM reservations_reservation WHERE id = %s FOR UPDATE", [held[1]])
        with transaction():
            found = reservation_locking.lock_reservations(wanted=wanted, skip_locked=True)
    assert [found[key] is None for key in held] == [True, True, False]
    free = found[held[2]]
    assert free is not None
    reservation, rows = free
    assert reservation.pk == held[2]
    assert [row.seat_id for row in rows] == sorted(seats[4:])


def test_accounts_that_somebody_has_are_stepped_over_where_that_is_asked():
    fan, other = factories.make_user(), factories.make_user()
    for each in (fan, other):
        money.give_points(each, 100)
    with other_transaction() as cursor:
        cursor.execute("SELECT FROM points_account WHERE id = %s FOR UPDATE", [other.pk])
        with transaction():
            moved = point_locking.lock_and_move(
                amounts={fan.pk: -5, other.pk: -5}, skip_locked=True
            )
    assert {key: balance.after for key, balance in moved.items()} == {fan.pk: 95}


def test_seats_that_somebody_has_are_stepped_over_where_that_is_asked():
    seats = factories.seat_ids(factories.make_performance(seats=3))
    with other_transaction() as cursor:
        cursor.execute(
            "SELECT FROM reservations_seatinventory WHERE seat_id = %s FOR UPDATE", [seats[0]]
        )
        with transaction():
            rows = reservation_locking.lock_rows(seat_ids=seats, skip_locked=True)
    assert {row.seat_id for row in rows} == set(seats[1:])


def test_of_the_catalogue_the_performances_and_the_concert():
    first, second = (factories.make_performance(seats=1) for _ in range(2))
    one = locked_while(
        lambda: concert_locking.lock_performance(performance_id=first.pk), Performance
    )
    assert one == {first.pk}
    several = locked_while(
        lambda: concert_locking.lock_performances(performance_ids=[second.pk]), Performance
    )
    assert several == {second.pk}
    concert = locked_while(
        lambda: concert_locking.lock_concert(concert_id=first.concert_id), Concert
    )
    assert concert == {first.concert_id}


def test_of_people_the_users_named():
    fan, _ = factories.make_user(), factories.make_user()
    assert locked_while(lambda: account_locking.lock_users(user_ids=[fan.pk]), User) == {fan.pk}
    active = locked_while(lambda: account_locking.lock_active_user(user_id=fan.pk), User)
    assert active == {fan.pk}


def test_control_a_row_that_is_only_read_is_locked_by_nobody():
    fan = factories.make_user()
    assert locked_while(lambda: User.objects.get(pk=fan.pk), User) == set()


def test_nobody_locks_outside_a_transaction():
    """A lock that ends with its statement guards nothing."""
    for call in (
        lambda: queue_locking.lock_progress_rows([]),
        lambda: point_locking.lock(accounts=[]),
        lambda: reservation_locking.lock_rows(seat_ids=[]),
        lambda: concert_locking.lock_performances(performance_ids=[]),
        lambda: account_locking.lock_users(user_ids=[]),
    ):
        with pytest.raises(TransactionRequired):
            call()
