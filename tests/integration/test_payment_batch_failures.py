"""What goes wrong with one payment of a batch, or with the batch, hurts only whom it concerns."""

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection

from kernel import clock
from payments.models import Payment
from payments.usecases import checkout
from payments.usecases.checkout import publication, settle_at_once, settle_many
from payments.usecases.checkout import transaction as step
from points.policy import SALES
from points.queries import system_balance
from reservations import locking
from reservations.models import Reservation
from tests.support import factories
from tests.support.database import other_transaction
from tests.support.holding import inventory_disagreements
from tests.support.interleaving import InBackground, await_a_waiting_session
from tests.support.money import balance_of, buyers, order_of, orders_of, outbox
from tickets import operations as tickets
from tickets.models import Ticket

FANS = 8
PRICE = 10_000


@pytest.fixture
def found(db_ready):
    """Eight fans who have points and a hold each."""
    return buyers(factories.make_performance(seats=20, price=PRICE), FANS)


@pytest.fixture
def orders(found):
    return orders_of(found)


def assert_paid(number):
    assert Payment.objects.filter(status="PAID").count() == number
    assert Ticket.objects.count() == number
    assert Reservation.objects.filter(status="CONFIRMED").count() == number
    assert system_balance(account_id=SALES).amount == number * PRICE
    for name in ("payment.paid", "points.spent", "reservation.confirmed"):
        assert len(outbox(name)) == number, name
    assert inventory_disagreements(clock.now()) == []


def row_of_the_seat(held, cursor):
    cursor.execute(locking._ROWS, [[held.seats[0].seat_id]])


def row_of_the_reservation(held, cursor):
    cursor.execute("SELECT FROM reservations_reservation WHERE id = %s FOR UPDATE", [held.id])


def points_account_of_the_fan(held, cursor):
    cursor.execute("SELECT FROM points_account WHERE id = %s FOR UPDATE", [held.user_id])


LOCKS = [row_of_the_seat, row_of_the_reservation, points_account_of_the_fan]


@pytest.mark.parametrize("lock", LOCKS)
def test_who_meets_a_lock_lets_nobody_wait(found, orders, lock):
    with other_transaction() as cursor:
        lock(found[3][1], cursor)
        decisions = settle_at_once(orders, now=clock.now())
        assert_paid(FANS - 1)
    alone = decisions.pop(3)
    assert [paid.status for paid in decisions] == ["PAID"] * (FANS - 1)
    assert isinstance(alone, checkout.OrderAlone)
    assert alone.decide().status == "PAID"
    assert_paid(FANS)


@pytest.mark.parametrize("lock", LOCKS)
def test_who_met_a_lock_waits_for_it_alone(found, orders, lock):
    with other_transaction() as cursor:
        lock(found[3][1], cursor)
        settling = InBackground(lambda: settle_many(orders, now=clock.now()))
        await_a_waiting_session()
        assert_paid(FANS - 1)  # committed meanwhile
    assert [paid.status for paid in settling.result()] == ["PAID"] * FANS
    assert_paid(FANS)


@pytest.mark.control
def test_control_a_batch_that_does_not_step_over_locks_waits(found, orders, monkeypatch):
    monkeypatch.setattr(locking, "_SEATS_OF_SKIPPING", locking._SEATS_OF)
    with other_transaction() as cursor:
        row_of_the_seat(found[3][1], cursor)
        settling = InBackground(lambda: settle_at_once(orders, now=clock.now()))
        await_a_waiting_session()
        assert not Payment.objects.exists()  # and everybody waits with it
    assert [paid.status for paid in settling.result()] == ["PAID"] * FANS


def test_a_fan_without_points_account_is_refused_alone(found, orders):
    performance = factories.make_performance(seats=1, price=PRICE)
    poor = factories.make_user()
    [(_, held)] = buyers(performance, 1)
    Reservation.objects.filter(pk=held.id).update(user=poor)
    *paid, refusal = settle_many([*orders, order_of(poor, held.id)], now=clock.now())
    assert [one.status for one in paid] == ["PAID"] * FANS
    assert (refusal.code, refusal.extras["balance"]["amount"]) == ("insufficient_points", 0)


ERRORS = [DatabaseError("statement"), IntegrityError("violated"), RuntimeError("a defect")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "where", [(step, "record"), (step.points, "pay_many"), (step.operations, "open_payments")]
)
def test_after_an_error_in_the_batch_each_is_settled_alone(orders, monkeypatch, error, where):
    module, name = where
    original, calls = getattr(module, name), []

    def fail_first(**arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise error
        return original(**arguments)

    monkeypatch.setattr(module, name, fail_first)
    outcomes = settle_many(orders, now=clock.now())
    assert [outcome.status for outcome in outcomes] == ["PAID"] * FANS
    assert len(calls) == 1 + FANS
    assert_paid(FANS)


def test_an_order_whose_seat_was_sold_otherwise_fails_alone(found, orders):
    """The second guard: its seat has a ticket already, which fails the statement of all."""
    (_, sold), now = found[3], clock.now()
    with step.transaction():
        tickets.issue(
            sales=[
                tickets.SoldSeats(
                    sold.id, sold.user_id, sold.performance.pk, [sold.seats[0].seat_id]
                )
            ],
            now=now,
        )
    outcomes = settle_many(orders, now=now)
    failed = outcomes.pop(3)
    assert isinstance(failed, tickets.SeatHasTicket)
    assert [outcome.status for outcome in outcomes] == ["PAID"] * (FANS - 1)
    assert balance_of(found[3][0]) == 1_000_000
    assert Payment.objects.count() == FANS - 1


def test_an_order_under_the_key_of_another_payment_fails_alone(found, orders):
    [first, second, *others] = orders
    settle_many([first], now=clock.now())
    stolen = checkout.Order(
        second.user_id, second.reservation_id, None, second.payment_id, first.request_key
    )
    failed, *outcomes = settle_many([stolen, *others], now=clock.now())
    assert isinstance(failed, IntegrityError)
    assert [outcome.status for outcome in outcomes] == ["PAID"] * (FANS - 2)
    assert_paid(FANS - 1)


def test_who_was_refused_stays_refused_when_the_batch_fails(orders, monkeypatch):
    wrong = checkout.Order(
        orders[0].user_id, orders[0].reservation_id, 1, orders[0].payment_id, "k" * 64
    )
    record, calls = step.record, []

    def fail_first(**arguments):
        calls.append(1)
        if len(calls) == 1:
            raise DatabaseError
        return record(**arguments)

    monkeypatch.setattr(step, "record", fail_first)
    decisions = settle_at_once([wrong, *orders[1:]], now=clock.now())
    assert isinstance(decisions[0], checkout.PointsAmountMismatch)
    assert {type(one) for one in decisions[1:]} == {checkout.OrderAlone}
    assert not Payment.objects.exists()


def test_without_a_connection_nobody_tries_again(orders, monkeypatch):
    """It may have been lost while it committed: a second try could only hide that."""
    calls = []

    def lose_connection(**arguments):
        calls.append(arguments)
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(step, "record", lose_connection)
    outcomes = settle_many(orders, now=clock.now())
    assert {type(outcome) for outcome in outcomes} == {OperationalError}
    assert len(calls) == 1
    assert not Payment.objects.exists()


def test_a_backend_that_dies_in_a_batch_leaves_nothing(orders, found, monkeypatch):
    record = step.record

    def die(**arguments):
        monkeypatch.setattr(step, "record", record)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(step, "record", die)
    outcomes = settle_many(orders, now=clock.now())
    assert {type(outcome) for outcome in outcomes} == {OperationalError}
    connection.close()
    assert not Payment.objects.exists()
    assert [balance_of(fan) for fan, _ in found] == [1_000_000] * FANS
    assert [paid.status for paid in settle_many(orders, now=clock.now())] == ["PAID"] * FANS
    assert_paid(FANS)


@pytest.mark.parametrize(
    ("module", "name"),
    [(publication.seat_changes, "publish"), (publication.waiting_room, "finish")],
)
def test_what_fails_after_the_commit_is_no_failure_of_the_payments(
    orders, monkeypatch, module, name
):
    def fail(**_):
        raise RuntimeError("a defect")

    monkeypatch.setattr(module, name, fail)
    outcomes = settle_many(orders, now=clock.now())
    assert [outcome.status for outcome in outcomes] == ["PAID"] * FANS
    assert_paid(FANS)


def test_the_place_of_each_who_paid_is_freed_and_no_others(found, orders, monkeypatch):
    freed = []
    monkeypatch.setattr(
        publication.waiting_room, "finish", lambda *, user_ids, **_: freed.extend(user_ids)
    )
    wrong = order_of(found[0][0], found[0][1].id, points_amount=1)
    settle_many([wrong, *orders[1:]], now=clock.now())
    assert sorted(freed) == sorted(order.user_id for order in orders[1:])
