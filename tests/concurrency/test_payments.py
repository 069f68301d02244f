"""Money under contention: paid once, debited once, never below zero; with controls."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import OperationalError, connection

from kernel.money import Money
from payments import queries
from payments.models import LIVE_PAYMENT_UNIQUE, Payment
from payments.operations import sales as payment_operations
from payments.queries import PaymentResult
from payments.usecases.checkout import transaction as paying
from points import locking as points_locking
from points.errors import InsufficientPoints
from points.locking import LockedBalance
from points.models import Account, Entry, Transfer
from reservations import locking as reservation_locking
from reservations.models import Reservation, SeatInventory
from reservations.operations import ReservationExpired, ReservationNotPayable
from reservations.usecases import holds
from reservations.usecases.holds import PaymentInProgress
from tests.support.concurrency import at_once
from tests.support.factories import make_performance, make_user, seat_ids
from tests.support.money import (
    balance_of,
    begin,
    clients_of,
    give_points,
    hold,
    insist,
    new_key,
    outbox,
    pay,
)
from tickets.models import LIVE_SEAT_UNIQUE, Ticket

pytestmark = pytest.mark.concurrency

CLIENTS = 200
PRICE = 10_000


@pytest.fixture
def rich(fan):
    give_points(fan, 10 * PRICE)
    return fan


@pytest.fixture
def held(rich):
    return hold(rich, make_performance(seats=2, price=PRICE), seats=2)


def assert_paid_once(fan, reservation) -> None:
    payment = Payment.objects.get()
    assert (payment.status, payment.reservation_id) == ("PAID", reservation.id)
    assert balance_of(fan) == 8 * PRICE
    assert Transfer.objects.filter(kind="payment").count() == 1
    assert Ticket.objects.count() == 2
    for name in ("payment.paid", "points.spent", "reservation.confirmed"):
        assert len(outbox(name)) == 1, name


def test_200_requests_with_one_key_pay_once_and_get_one_answer(as_fan, rich, held):
    key = new_key()
    answers = at_once(
        [
            lambda client=client: insist(lambda: pay(client, held.id, key=key))
            for client in clients_of(as_fan, rich, CLIENTS)
        ]
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    replayed = sum(answer.get("Idempotency-Replayed") == "true" for answer in answers)
    assert replayed == CLIENTS - 1
    assert_paid_once(rich, held)


def test_200_requests_with_their_own_keys_pay_once(as_fan, rich, held):
    answers = at_once(
        [
            lambda client=client: insist(lambda: pay(client, held.id))
            for client in clients_of(as_fan, rich, CLIENTS)
        ]
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * (CLIENTS - 1)
    refusals = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert refusals == {"reservation_not_payable"}
    assert_paid_once(rich, held)


def remove_lock_and_state(monkeypatch) -> None:
    """Let two payers look at the hold at once, both before either writes."""
    looked = threading.Barrier(2, timeout=10)

    def look(ids, **_):
        rows = {row.pk: row for row in Reservation.objects.filter(pk__in=ids)}
        looked.wait()
        return rows

    unlocked = reservation_locking._SEATS_OF.replace("FOR NO KEY UPDATE", "")
    monkeypatch.setattr(reservation_locking, "_SEATS_OF", unlocked)
    monkeypatch.setattr(reservation_locking, "_lock_rows_of", look)
    monkeypatch.setattr(queries, "with_live_payment", lambda **_: {})


@pytest.fixture
def without_unique_keys():
    """Drop the unique live payment and the unique live ticket; put them back afterwards."""
    drops = {"payments_payment": LIVE_PAYMENT_UNIQUE, "tickets_ticket": LIVE_SEAT_UNIQUE}
    with connection.cursor() as cursor:
        definitions = []
        for name in drops.values():
            cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [name])
            definitions.append(cursor.fetchone()[0])
            cursor.execute(f"DROP INDEX {name}")
    yield
    Ticket.objects.all().delete()
    Payment.objects.all().delete()
    with connection.cursor() as cursor:
        for definition in definitions:
            cursor.execute(definition)


def test_without_the_locks_the_unique_live_payment_still_pays_once(monkeypatch, rich, held):
    remove_lock_and_state(monkeypatch)
    outcomes = at_once([lambda: begin(rich, held.id)] * 2)
    refusals = [outcome for outcome in outcomes if not isinstance(outcome, PaymentResult)]
    assert [type(refusal) for refusal in refusals] == [PaymentInProgress]
    assert_paid_once(rich, held)


@pytest.mark.control
def test_control_without_locks_and_constraints_it_is_paid_twice(
    monkeypatch, rich, held, without_unique_keys
):
    remove_lock_and_state(monkeypatch)

    def confirm_whatever(*, confirmations, now):
        [one] = confirmations
        SeatInventory.objects.filter(pk__in=one.locked.seat_ids).update(
            status="RESERVED", held_until=None
        )
        return [payment_operations.events.paid(Payment.objects.get(pk=one.payment_id))]

    monkeypatch.setattr(payment_operations.reservations, "confirm", confirm_whatever)
    outcomes = at_once([lambda: begin(rich, held.id)] * 2)
    assert [type(outcome) for outcome in outcomes] == [PaymentResult] * 2
    assert Payment.objects.filter(reservation_id=held.id, status="PAID").count() == 2
    assert balance_of(rich) == 6 * PRICE  # debited twice
    assert Ticket.objects.count() == 4  # and two tickets a seat


def test_two_executions_of_one_request_make_one_payment(rich, held):
    """A lease may lapse while its owner waits: both end with the same payment."""
    request_key = uuid4().hex * 2
    outcomes = at_once(
        [
            lambda resumed=resumed: begin(rich, held.id, request_key=request_key, resumed=resumed)
            for resumed in [False] + [True] * 7
        ]
    )
    assert {type(outcome) for outcome in outcomes} == {PaymentResult}, outcomes
    assert len({outcome.id for outcome in outcomes}) == 1
    assert_paid_once(rich, held)


@pytest.fixture
def ten_holds(fan):
    """Ten holds of one fan, at performances of their own, with points for five of them."""
    give_points(fan, 5 * PRICE)
    return [hold(fan, make_performance(seats=1, price=PRICE), seats=1) for _ in range(10)]


def test_points_for_five_pay_five(fan, ten_holds):
    outcomes = at_once([lambda held=held: begin(fan, held.id) for held in ten_holds])
    paid = [outcome for outcome in outcomes if isinstance(outcome, PaymentResult)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, InsufficientPoints)]
    assert (len(paid), len(refused)) == (5, 5), outcomes
    assert balance_of(fan) == 0
    assert Ticket.objects.count() == 5
    assert Reservation.objects.filter(status="PENDING").count() == 5
    entries = Entry.objects.filter(account_id=fan.pk, amount__lt=0).order_by("-balance_after")
    assert [entry.balance_after for entry in entries] == [n * PRICE for n in range(4, -1, -1)]


@pytest.mark.control
def test_control_a_balance_read_before_it_is_written_pays_too_much(monkeypatch, fan):
    give_points(fan, PRICE)
    two = [hold(fan, make_performance(seats=1, price=PRICE), seats=1) for _ in range(2)]
    looked = threading.Barrier(2, timeout=10)

    def read_then_write(*, amounts, **_):
        ((account, amount),) = amounts.items()
        balance = Account.objects.get(pk=account).balance
        looked.wait()
        if balance + amount < 0:
            return {account: LockedBalance(balance, None)}
        Account.objects.filter(pk=account).update(balance=balance + amount)
        return {account: LockedBalance(balance, balance + amount)}

    monkeypatch.setattr(points_locking, "lock_and_move", read_then_write)
    outcomes = at_once([lambda held=held: begin(fan, held.id) for held in two])
    assert [type(outcome) for outcome in outcomes] == [PaymentResult] * 2
    spent = sum(Entry.objects.filter(account_id=fan.pk).values_list("amount", flat=True))
    assert spent == -PRICE  # points that never were
    assert balance_of(fan) == 0  # and the stored balance doesn't even show it


def test_at_the_deadline_the_seat_goes_to_the_payer_or_the_next_never_both(rich):
    performance = make_performance(seats=6, price=PRICE, max_seats_per_fan=6)
    rival = make_user()
    payer_won = 0
    for seat in seat_ids(performance):
        held = hold(rich, performance, seat_ids=[seat])
        in_time = held.expires_at - timedelta(milliseconds=1)
        paid, taken = at_once(
            [
                lambda held=held, now=in_time: begin(rich, held.id, now=now),
                lambda seat=seat, now=held.expires_at: hold(
                    rival, performance, seat_ids=[seat], now=now
                ),
            ]
        )
        row = SeatInventory.objects.get(pk=seat)
        if isinstance(paid, PaymentResult):
            payer_won += 1
            assert isinstance(taken, holds.SeatTaken), taken
            assert (row.status, row.reservation_id) == ("RESERVED", held.id)
        else:
            assert isinstance(paid, (ReservationExpired, ReservationNotPayable)), paid
            assert (row.status, row.reservation_id) == ("TEMPORARILY_RESERVED", taken.id)
    assert Ticket.objects.count() == Payment.objects.count() == payer_won
    assert balance_of(rich) == 10 * PRICE - payer_won * PRICE


def test_what_fails_in_the_middle_leaves_nothing(monkeypatch, rich, held):
    def fail(**arguments):
        raise OperationalError("the server went away")

    monkeypatch.setattr(paying, "record", fail)
    with pytest.raises(OperationalError):
        begin(rich, held.id)
    assert balance_of(rich) == 10 * PRICE
    assert not Payment.objects.exists()
    assert not Ticket.objects.exists()
    assert Reservation.objects.get(pk=held.id).status == "PENDING"
    monkeypatch.undo()
    assert begin(rich, held.id).amount == Money(2 * PRICE)
