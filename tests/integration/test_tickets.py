"""Tickets are issued once a seat: the second guard against selling it twice."""

import pytest
from django.db import connection

from kernel import clock
from kernel.db.transaction import TransactionRequired, transaction
from tests.support import factories
from tests.support.holding import place
from tests.support.round_trips import counted_round_trips
from tickets import operations
from tickets.models import LIVE_SEAT_UNIQUE, Ticket
from tickets.policy import CODE_ALPHABET


@pytest.fixture
def performance(db_ready):
    return factories.make_performance(seats=4)


def issue(hold, seats):
    with transaction():
        return operations.issue(
            reservation_id=hold.id,
            user_id=hold.user_id,
            performance_id=hold.performance.pk,
            seat_ids=seats,
            now=clock.now(),
        )


def test_a_ticket_a_seat_by_one_statement(fan, performance):
    seats = factories.seat_ids(performance, 3)
    hold = place(fan, performance, seats)
    with counted_round_trips() as counts:
        tickets = issue(hold, seats)
    assert len(counts.sql) == 1
    assert sorted(ticket.seat_id for ticket in tickets) == sorted(seats)
    for ticket in tickets:
        assert len(ticket.code) == 12
        assert set(ticket.code) <= set(CODE_ALPHABET)


def test_a_seat_gets_no_second_ticket(fan, performance):
    seats = factories.seat_ids(performance, 3)
    hold = place(fan, performance, seats)
    issue(hold, seats[:1])
    with pytest.raises(operations.SeatHasTicket):
        issue(hold, [seats[1], seats[0], seats[2]])
    assert Ticket.objects.count() == 1, "nothing of the second sale is left"


def test_a_void_ticket_makes_room_for_a_new_one(fan, performance):
    seats = factories.seat_ids(performance, 1)
    hold = place(fan, performance, seats)
    issue(hold, seats)
    Ticket.objects.update(status=Ticket.Status.VOID)
    issue(hold, seats)
    assert Ticket.objects.exclude(status=Ticket.Status.VOID).count() == 1


def test_issuing_insists_on_a_transaction(fan, performance):
    seats = factories.seat_ids(performance, 1)
    hold = place(fan, performance, seats)
    with pytest.raises(TransactionRequired):
        operations.issue(
            reservation_id=hold.id,
            user_id=fan.pk,
            performance_id=performance.pk,
            seat_ids=seats,
            now=clock.now(),
        )


@pytest.mark.control
def test_control_without_the_constraint_a_seat_has_two_tickets(fan, performance):
    seats = factories.seat_ids(performance, 1)
    hold = place(fan, performance, seats)
    issue(hold, seats)
    with pytest.raises(ZeroDivisionError), transaction():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX {LIVE_SEAT_UNIQUE}")
        operations.issue(
            reservation_id=hold.id,
            user_id=fan.pk,
            performance_id=performance.pk,
            seat_ids=seats,
            now=clock.now(),
        )
        assert Ticket.objects.filter(seat_id=seats[0]).count() == 2
        raise ZeroDivisionError  # take the drop back
