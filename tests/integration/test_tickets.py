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


def issue_to(*bought):
    """Issue the tickets of holds and seats in the open transaction."""
    sales = [
        operations.SoldSeats(hold.id, hold.user_id, hold.performance.pk, seats)
        for hold, seats in bought
    ]
    return operations.issue(sales=sales, now=clock.now())


def issue(*bought):
    with transaction():
        return issue_to(*bought)


def test_a_ticket_a_seat_by_one_statement(fan, performance):
    seats = factories.seat_ids(performance, 3)
    hold = place(fan, performance, seats)
    with counted_round_trips() as counts:
        tickets = issue((hold, seats))
    assert len(counts.sql) == 1
    assert sorted(ticket.seat_id for ticket in tickets) == sorted(seats)
    for ticket in tickets:
        assert len(ticket.code) == 12
        assert set(ticket.code) <= set(CODE_ALPHABET)


def test_tickets_of_several_sales_are_issued_by_one_statement(fan, performance):
    seats, other = factories.seat_ids(performance, 4), factories.make_user()
    mine, theirs = place(fan, performance, seats[:3]), place(other, performance, seats[3:])
    with counted_round_trips() as counts:
        issue((mine, seats[:3]), (theirs, seats[3:]))
    assert len(counts.sql) == 1
    sold = set(Ticket.objects.values_list("seat_id", "user_id", "reservation_id"))
    assert sold == {
        *((seat, fan.pk, mine.id) for seat in seats[:3]),
        (seats[3], other.pk, theirs.id),
    }


def test_a_seat_gets_no_second_ticket(fan, performance):
    seats = factories.seat_ids(performance, 3)
    hold = place(fan, performance, seats)
    issue((hold, seats[:1]))
    with pytest.raises(operations.SeatHasTicket):
        issue((hold, [seats[1], seats[0], seats[2]]))
    assert Ticket.objects.count() == 1, "nothing of the second sale is left"


def test_a_void_ticket_makes_room_for_a_new_one(fan, performance):
    seats = factories.seat_ids(performance, 1)
    hold = place(fan, performance, seats)
    issue((hold, seats))
    Ticket.objects.update(status=Ticket.Status.VOID)
    issue((hold, seats))
    assert Ticket.objects.exclude(status=Ticket.Status.VOID).count() == 1


def test_issuing_insists_on_a_transaction(fan, performance):
    seats = factories.seat_ids(performance, 1)
    hold = place(fan, performance, seats)
    with pytest.raises(TransactionRequired):
        issue_to((hold, seats))


@pytest.mark.control
def test_control_without_the_constraint_a_seat_has_two_tickets(fan, performance):
    seats = factories.seat_ids(performance, 1)
    hold = place(fan, performance, seats)
    issue((hold, seats))
    with pytest.raises(ZeroDivisionError), transaction():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX {LIVE_SEAT_UNIQUE}")
        issue_to((hold, seats))
        assert Ticket.objects.filter(seat_id=seats[0]).count() == 2
        raise ZeroDivisionError  # take the drop back
