"""Batches of payments at once: nobody pays twice or with points that are not there."""

import threading

import pytest

from kernel import clock
from payments.models import Payment
from payments.queries import PaymentResult
from payments.usecases.checkout import settle_many
from points import locking as points_locking
from points.errors import InsufficientPoints
from points.locking import LockedBalance
from points.models import Account, Entry
from points.policy import SALES
from points.queries import system_balance
from reservations.operations import ReservationNotPayable
from tests.support import factories
from tests.support.concurrency import at_once
from tests.support.database import deadlocks
from tests.support.holding import inventory_disagreements, place
from tests.support.money import (
    balance_of,
    begin,
    buyers,
    give_points,
    order_of,
    orders_of,
)
from tickets.models import Ticket

pytestmark = pytest.mark.concurrency

PRICE = 10_000
BATCH = 6


def settle(orders):
    return settle_many(orders, now=clock.now())


def test_batches_and_single_payments_for_the_same_holds_pay_each_once(db_ready):
    found = buyers(factories.make_performance(seats=48, price=PRICE), 24, seats=2)
    before = deadlocks()

    def batch(number):
        """Each hold is in two batches, in another order."""
        mine = [found[(number * BATCH + at) % len(found)] for at in range(2 * BATCH)]
        return settle(orders_of(mine if number % 2 else mine[::-1]))

    def single(number):
        fan, held = found[number]
        return [begin(fan, held.id)]

    results = at_once(
        [
            *(lambda number=number: batch(number) for number in range(4)),
            *(lambda number=number: single(number) for number in range(0, 24, 5)),
        ]
    )
    outcomes = [
        one for result in results for one in (result if isinstance(result, list) else [result])
    ]
    refused = [one for one in outcomes if isinstance(one, Exception)]
    assert {type(one) for one in refused} <= {ReservationNotPayable}, refused
    assert len(outcomes) - len(refused) == 24
    assert deadlocks() == before
    assert Payment.objects.count() == 24
    assert Ticket.objects.count() == 48
    assert [balance_of(fan) for fan, _ in found] == [1_000_000 - 2 * PRICE] * 24
    assert system_balance(account_id=SALES).amount == 48 * PRICE
    assert inventory_disagreements(clock.now()) == []


def shared_fan(rounds):
    """Return a fan with points for one payment in every round, and two holds a round."""
    fan = factories.make_user()
    give_points(fan, rounds * PRICE)
    performances = [factories.make_performance(seats=20, price=PRICE) for _ in range(2)]
    made = [
        [place(fan, performance, [seat]).id for seat in factories.seat_ids(performance)[-rounds:]]
        for performance in performances
    ]
    return fan, performances, made


def test_points_for_one_payment_pay_one_of_two_batches(db_ready):
    rounds = 4
    fan, performances, made = shared_fan(rounds)
    others = [orders_of(buyers(performance, BATCH)) for performance in performances]

    def batch(number):
        mine = [order_of(fan, key) for key in made[number]]
        half = BATCH // 2
        return settle([*others[number][:half], *mine, *others[number][half:]])

    results = at_once([lambda number=number: batch(number) for number in range(2)])
    outcomes = [one for result in results for one in result]
    refused = [one for one in outcomes if isinstance(one, Exception)]
    assert [type(one) for one in refused] == [InsufficientPoints] * rounds
    assert balance_of(fan) == 0
    spent = Entry.objects.filter(account_id=fan.pk, amount__lt=0).order_by("-balance_after")
    left = [entry.balance_after for entry in spent]
    assert left == [n * PRICE for n in range(rounds - 1, -1, -1)]
    assert system_balance(account_id=SALES).amount == (rounds + 2 * BATCH) * PRICE


@pytest.mark.control
def test_control_balances_read_before_they_are_written_are_spent_twice(db_ready, monkeypatch):
    fan, performances, made = shared_fan(1)
    others = [orders_of(buyers(performance, BATCH)) for performance in performances]
    looked = threading.Barrier(2, timeout=10)

    def read_then_write(*, amounts, **_):
        balances = {row.pk: row.balance for row in Account.objects.filter(pk__in=amounts)}
        looked.wait()
        for account, amount in amounts.items():
            Account.objects.filter(pk=account).update(balance=balances[account] + amount)
        return {
            account: LockedBalance(balances[account], balances[account] + amount)
            for account, amount in amounts.items()
        }

    monkeypatch.setattr(points_locking, "lock_and_move", read_then_write)
    results = at_once(
        [
            lambda number=number: settle([*others[number], order_of(fan, made[number][0])])
            for number in range(2)
        ]
    )
    outcomes = [one for result in results for one in result]
    assert {type(one) for one in outcomes} == {PaymentResult}, outcomes
    spent = sum(
        Entry.objects.filter(account_id=fan.pk, amount__lt=0).values_list("amount", flat=True)
    )
    assert spent == -2 * PRICE  # though there were points for one
    assert balance_of(fan) == 0
