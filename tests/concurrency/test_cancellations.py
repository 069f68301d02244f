"""Seats that are given up by several requests, and looked at by the door, in the same moment."""

from threading import Barrier

import pytest

from kernel import clock
from kernel.db.transaction import transaction
from payments import refund_queries
from payments.cancellation import CancelledAlready, TicketUsed
from payments.models import Payment, Refund
from payments.refund_queries import CancellationResult
from payments.usecases.refunding import cancelling
from reservations.operations import SeatsNotSold
from tests.support.cancelling import buy, cancel, gateway_agrees, money_behind_tickets, money_kept
from tests.support.concurrency import at_once
from tests.support.factories import make_performance, make_user
from tests.support.money import balance_of, give_points
from tickets.errors import TicketVoid
from tickets.models import Ticket
from tickets.queries import CheckinResult
from tickets.usecases import checkins
from tickets.usecases.checkins import Doorkeeper, Scan

PRICE = 100_000
POINTS = 30_000


@pytest.fixture
def bought(fan, db_ready, gateway):
    give_points(fan, 10 * PRICE)
    return buy(fan, make_performance(seats=4, price=PRICE), seats=2, by_points=POINTS)


def kinds(outcomes):
    return sorted(type(one).__name__ for one in outcomes)


def test_two_cancels_of_a_seat_at_once_refund_it_once(fan, bought, gateway):
    seat = [bought.seats[0].seat_id]
    outcomes = at_once([lambda: cancel(fan, bought.id, seat)] * 6)
    assert kinds(outcomes) == ["CancellationResult"] + ["CancelledAlready"] * 5
    assert sum(one.amount for one in Refund.objects.all()) == PRICE
    assert money_behind_tickets() == money_kept() == PRICE
    assert gateway_agrees(gateway)


@pytest.mark.control
def test_control_without_the_locks_two_judge_the_same_seat(fan, bought, gateway, monkeypatch):
    with transaction():
        locked = cancelling.lock_bought(reservation_id=bought.id, user_id=fan.pk)
    both_have_read, read = Barrier(2), refund_queries.purchase

    def purchase(**keys):
        found = read(**keys)
        both_have_read.wait(timeout=20)
        return found

    monkeypatch.setattr(cancelling, "lock_bought", lambda **_: locked)
    monkeypatch.setattr(refund_queries, "purchase", purchase)
    outcomes = at_once([lambda: cancel(fan, bought.id)] * 2)
    # Both may by what they read; the condition of the write alone stops the second.
    assert [type(one) for one in outcomes if isinstance(one, Exception)] == [SeatsNotSold]


def test_different_seats_at_once_are_both_refunded_and_no_more(fan, bought, gateway):
    calls = [lambda seat=seat: cancel(fan, bought.id, [seat.seat_id]) for seat in bought.seats]
    outcomes = at_once([*calls, lambda: cancel(fan, bought.id)])
    assert all(isinstance(one, CancellationResult | CancelledAlready) for one in outcomes)
    assert sum(one.amount for one in Refund.objects.all()) == Payment.objects.get().amount
    assert balance_of(fan) == 10 * PRICE
    assert money_behind_tickets() == money_kept() == 0
    assert gateway_agrees(gateway)


def test_one_request_that_runs_twice_cancels_once(fan, bought, gateway):
    outcomes = at_once([lambda: cancel(fan, bought.id, request_key="k" * 64, resumed=True)] * 4)
    assert {type(one) for one in outcomes} == {CancellationResult}
    assert len({one.id for one in outcomes}) == 1
    assert money_behind_tickets() == money_kept() == 0


def test_the_door_and_the_fan_at_once_end_in_one_of_them(fan, bought, gateway):
    ticket = Ticket.objects.filter(reservation_id=bought.id).first()
    scan = Scan(ticket.code, "1", "scan-1", clock.now())

    def admit():
        return checkins.admit(
            scan=scan,
            performance_id=ticket.performance_id,
            by=Doorkeeper(user_id=make_user().pk),
            now=clock.now(),
        )

    admitted, cancelled = at_once([admit, lambda: cancel(fan, bought.id, [ticket.seat_id])])
    if isinstance(admitted, CheckinResult):
        assert isinstance(cancelled, TicketUsed)
        assert Ticket.objects.get(pk=ticket.pk).status == "USED"
    else:
        assert isinstance(admitted, TicketVoid)
        assert isinstance(cancelled, CancellationResult)
        assert Ticket.objects.get(pk=ticket.pk).status == "VOID"
