"""Points moved at once: one account, no deadlock; with a control."""

import threading
from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError

from events.models import OutboxEvent
from kernel import clock
from kernel.db.transaction import transaction
from kernel.money import Money
from points import locking as points_locking
from points import operations as points
from points.locking import LockedBalance
from points.models import Account
from points.policy import TransferKind
from tests.support.concurrency import at_once
from tests.support.factories import make_user
from tests.support.interleaving import InBackground, Stop, await_a_waiting_session
from tests.support.money import (
    CHARGES,
    balance_of,
    clients_of,
    give_points,
    insist,
    post,
)

pytestmark = [pytest.mark.concurrency, pytest.mark.usefixtures("charging")]

CLIENTS = 200
PRICE = 10_000


def test_first_charges_at_once_open_one_account(as_fan, fan):
    answers = at_once(
        [
            lambda client=client: insist(lambda: post(client, CHARGES, {"amount": 1_000}))
            for client in clients_of(as_fan, fan, 20)
        ]
    )
    assert {answer.status_code for answer in answers} == {201}
    balances = sorted(answer.json()["balance"]["amount"] for answer in answers)
    assert balances == [n * 1_000 for n in range(1, 21)]
    assert balance_of(fan) == 20_000
    events = OutboxEvent.objects.filter(type="points.charged").order_by("position")
    reported = [event.data["balance_after"]["amount"] for event in events]
    assert reported == balances  # in the order of the account's lock


def shuttle(fan, other, rounds: int):
    for _ in range(rounds):
        with transaction():
            points.post_transfer(
                kind=TransferKind.GRANT,
                reference=uuid4(),
                amounts={fan.pk: -1, other.pk: 1},
                currency="KRW",
                now=clock.now(),
            )


@pytest.fixture
def two_rich():
    fans = [make_user(), make_user()]
    for fan in fans:
        give_points(fan, 1_000)
    return fans


def test_opposite_transfers_never_deadlock(two_rich):
    one, two = two_rich
    outcomes = at_once([lambda: shuttle(one, two, 60), lambda: shuttle(two, one, 60)] * 3)
    assert outcomes == [None] * 6
    assert [balance_of(fan) for fan in two_rich] == [1_000, 1_000]


@pytest.mark.parametrize("guarded", [True, pytest.param(False, marks=pytest.mark.control)])
def test_points_given_twice_at_once_under_one_reference_are_given_once(monkeypatch, guarded):
    """The second waits for the accounts, and only then reads what has been given."""
    fans, reference = [make_user().pk for _ in range(3)], uuid4()
    if not guarded:
        monkeypatch.setattr(points_locking, "lock", lambda *, accounts: None)
    moved = Stop(monkeypatch, points_locking, "lock_and_move", after=True)

    def give():
        with transaction():
            return points.open_accounts_with_points(
                user_ids=fans, amount=Money(500), reference=reference, now=clock.now()
            )

    with transaction():
        points.open_accounts(user_ids=fans, now=clock.now())
    monkeypatch.setattr(points, "open_accounts", lambda **_: None)  # which may wait too, or not
    first = InBackground(give)
    moved.await_reached()
    second = InBackground(give)
    await_a_waiting_session()
    moved.let_go()
    assert first.outcome() == 3
    again = second.outcome()
    assert again == 0 if guarded else isinstance(again, IntegrityError), again
    balances = Account.objects.filter(pk__in=fans).values_list("balance", flat=True)
    assert list(balances) == [500] * 3


@pytest.mark.control
def test_control_accounts_locked_in_the_callers_order_deadlock(monkeypatch, two_rich):
    has_first = threading.Barrier(2, timeout=10)

    def lock_as_given(*, amounts, **_):
        balances = {}
        for number, (account, amount) in enumerate(amounts.items()):
            if number == 1:
                has_first.wait()
            row = Account.objects.select_for_update(no_key=True).get(pk=account)
            Account.objects.filter(pk=account).update(balance=row.balance + amount)
            balances[account] = LockedBalance(row.balance, row.balance + amount)
        return balances

    monkeypatch.setattr(points_locking, "lock_and_move", lock_as_given)
    one, two = two_rich
    outcomes = at_once([lambda: shuttle(one, two, 1), lambda: shuttle(two, one, 1)])
    assert sum(isinstance(outcome, OperationalError) for outcome in outcomes) == 1, outcomes
    assert "deadlock" in str(next(error for error in outcomes if error))
