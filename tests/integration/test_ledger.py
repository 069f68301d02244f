"""The ledger stays balanced, whatever is posted and whatever process writes it."""

from collections import defaultdict
from functools import partial
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import clock
from kernel.db.integrity import violated_constraint
from kernel.db.transaction import TransactionRequired, transaction
from kernel.ids import uuid7
from kernel.money import Money
from points import operations, queries
from points.errors import InsufficientPoints
from points.models import (
    BALANCE_NOT_NEGATIVE,
    TRANSFER_BALANCED,
    TRANSFER_ONCE,
    Account,
    Entry,
    Transfer,
)
from points.policy import CHARGES, GRANTS, SALES, TransferKind
from tests.support.factories import make_user
from tests.support.money import balance_of, give_points
from tests.support.round_trips import counted_round_trips

FANS = 3
moves = st.lists(
    st.tuples(
        st.integers(0, FANS - 1),
        st.sampled_from(["receive", "pay", "give"]),
        st.integers(1, 50),
        st.integers(0, FANS - 1),
    ),
    max_size=20,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moves=moves)
def test_books_balance_after_any_movements(moves):
    fans = [make_user() for _ in range(FANS)]
    expected: dict = defaultdict(int)
    outside = {account: queries.system_balance(account_id=account) for account in (CHARGES, SALES)}
    with transaction():
        operations.open_accounts(user_ids=[fan.pk for fan in fans], now=clock.now())
    for index, what, amount, other in moves:
        _move(what, fans[index].pk, fans[other].pk, amount, expected)
    for fan in fans:
        entries = list(Entry.objects.filter(account_id=fan.pk).order_by("id"))
        assert balance_of(fan) == expected[fan.pk] == sum(entry.amount for entry in entries)
        running = 0
        for entry in entries:
            running += entry.amount
            assert entry.balance_after == running >= 0
    moved_outside = sum(
        queries.system_balance(account_id=account).amount - before.amount
        for account, before in outside.items()
    )
    assert moved_outside == -sum(expected.values())
    sums = Entry.objects.values("transfer").annotate(total=Sum("amount"))
    assert not sums.exclude(total=0).exists()


def _move(what, fan, other, amount, expected):
    """Post one movement and say what must have come of it."""
    common = {"reference": uuid4(), "now": clock.now()}
    if what == "give" and fan == other:
        return
    if what == "receive":
        gains, post = (
            {fan: amount},
            partial(operations.receive, user_id=fan, kind=TransferKind.CHARGE),
        )
    elif what == "pay":
        gains, post = (
            {fan: -amount},
            partial(operations.pay, user_id=fan, kind=TransferKind.PAYMENT),
        )
    else:
        gains = {fan: -amount, other: amount}
        post = partial(
            operations.post_transfer, kind=TransferKind.GRANT, amounts=gains, currency="KRW"
        )
    if what != "give":
        common["amount"] = Money(amount)
    if expected[fan] + gains[fan] < 0:
        with pytest.raises(InsufficientPoints) as refusal, transaction():
            post(**common)
        assert refusal.value.extras["balance"] == Money(expected[fan]).as_json()
        assert refusal.value.extras["needed"] == Money(amount).as_json()
        return
    with transaction():
        post(**common)
    for account, gain in gains.items():
        expected[account] += gain


def test_a_transfer_that_does_not_sum_to_zero_can_not_be_committed(fan):
    """Not even by code that goes round the operations."""
    give_points(fan, 100)
    with pytest.raises(IntegrityError) as refusal, transaction():
        transfer = Transfer.objects.create(
            kind=TransferKind.GRANT, reference=uuid4(), created_at=clock.now()
        )
        Entry.objects.create(transfer=transfer, account_id=GRANTS, amount=-5)
        Entry.objects.create(transfer=transfer, account_id=fan.pk, amount=6, balance_after=106)
    assert violated_constraint(refusal.value) == TRANSFER_BALANCED


def test_nor_can_a_posted_one_be_changed_or_halved(fan):
    give_points(fan, 100)
    entry = Entry.objects.get(account_id=fan.pk)
    with pytest.raises(IntegrityError):
        Entry.objects.filter(pk=entry.pk).update(amount=101)
    with pytest.raises(IntegrityError):
        Entry.objects.filter(pk=entry.pk).delete()
    entry.refresh_from_db()
    assert entry.amount == 100


def test_control_without_the_trigger_an_unbalanced_transfer_is_committed(fan):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE points_entry DISABLE TRIGGER points_transfer_balanced")
    try:
        with transaction():
            transfer = Transfer.objects.create(
                kind=TransferKind.GRANT, reference=uuid4(), created_at=clock.now()
            )
            Entry.objects.create(transfer=transfer, account_id=GRANTS, amount=-5)
        assert queries.system_balance(account_id=GRANTS) == Money(-5)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE points_entry ENABLE TRIGGER points_transfer_balanced")


def test_a_balance_can_not_be_written_below_zero(fan):
    give_points(fan, 100)
    with pytest.raises(IntegrityError) as refusal:
        Account.objects.filter(pk=fan.pk).update(balance=-1)
    assert violated_constraint(refusal.value) == BALANCE_NOT_NEGATIVE


def test_one_reference_moves_points_once(fan):
    reference = uuid7()

    def receive():
        with transaction():
            operations.receive(
                user_id=fan.pk,
                amount=Money(10),
                kind=TransferKind.CHARGE,
                reference=reference,
                now=clock.now(),
            )

    receive()
    with pytest.raises(IntegrityError) as refusal:
        receive()
    assert violated_constraint(refusal.value) == TRANSFER_ONCE
    assert balance_of(fan) == 10


def debit(fan, amount):
    return operations.Debit(fan.pk, Money(amount), uuid7())


def pay_many(*debits):
    with transaction():
        return operations.pay_many(debits=debits, kind=TransferKind.PAYMENT, now=clock.now())


def test_several_fans_pay_by_two_statements_and_each_is_refused_by_himself():
    fans = [make_user() for _ in range(4)]
    for fan in fans[:3]:
        give_points(fan, 100)
    debits = [debit(fan, amount) for fan, amount in zip(fans, [30, 101, 100, 1], strict=True)]
    with counted_round_trips() as counts:
        outcomes = pay_many(*debits)
    assert len(counts.sql) == 2
    paid, short, exact, without_account = outcomes
    assert (paid.user_id, paid.amount, paid.balance_after) == (fans[0].pk, Money(30), Money(70))
    assert exact.balance_after == Money(0)
    assert [type(one) for one in (short, without_account)] == [InsufficientPoints] * 2
    assert short.extras == {"balance": Money(100).as_json(), "needed": Money(101).as_json()}
    assert without_account.extras["balance"] == Money(0).as_json()
    assert [balance_of(fan) for fan in fans] == [70, 100, 0, 0]
    moved = Transfer.objects.filter(kind="payment")
    assert dict(moved.values_list("id", "reference")) == {
        paid.transfer_id: debits[0].reference,
        exact.transfer_id: debits[2].reference,
    }
    for spent in (paid, exact):
        entries = Entry.objects.filter(transfer_id=spent.transfer_id)
        assert set(entries.values_list("account_id", "amount", "balance_after")) == {
            (spent.user_id, -spent.amount.amount, spent.balance_after.amount),
            (SALES, spent.amount.amount, None),
        }


def test_a_fan_pays_once_at_a_time(fan):
    give_points(fan, 100)
    with pytest.raises(ValueError, match="once at a time"):
        pay_many(debit(fan, 1), debit(fan, 2))
    assert balance_of(fan) == 100


def test_nobody_pays_less_than_something(fan):
    give_points(fan, 100)
    for amount in (0, -1):
        with pytest.raises(ValueError, match="positive"):
            pay_many(debit(fan, amount))
    assert pay_many() == []


def test_points_are_given_in_bulk_and_once_per_reference():
    fans = [make_user() for _ in range(5)]
    reference = uuid7()

    def give(some):
        with transaction():
            return operations.open_accounts_with_points(
                user_ids=[fan.pk for fan in some],
                amount=Money(1_000),
                reference=reference,
                now=clock.now(),
            )

    assert give(fans[:3]) == 3
    assert give(fans) == 2
    assert give(fans) == 0
    assert [balance_of(fan) for fan in fans] == [1_000] * 5
    assert queries.system_balance(account_id=GRANTS) == Money(-5_000)


def test_giving_to_many_costs_no_statement_per_fan(django_assert_max_num_queries):
    fans = [make_user() for _ in range(60)]
    with django_assert_max_num_queries(9), transaction():
        operations.open_accounts_with_points(
            user_ids=[fan.pk for fan in fans],
            amount=Money(1_000),
            reference=uuid7(),
            now=clock.now(),
        )


def test_points_move_only_inside_a_transaction_and_only_forwards(fan):
    arguments = {
        "user_id": fan.pk,
        "kind": TransferKind.CHARGE,
        "reference": uuid7(),
        "now": clock.now(),
    }
    with pytest.raises(TransactionRequired):
        operations.receive(amount=Money(1), **arguments)
    for amount in (Money(0), Money(-1), Money(1, "USD")):
        with pytest.raises(ValueError, match="positive"), transaction():
            operations.receive(amount=amount, **arguments)
    with pytest.raises(ValueError, match="zero"), transaction():
        operations.post_transfer(
            kind=TransferKind.GRANT,
            reference=uuid7(),
            amounts={fan.pk: 1, GRANTS: -2},
            currency="KRW",
            now=clock.now(),
        )
