"""The writes of the ledger; each requires the transaction that it belongs to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.db import connection

from kernel.db.arrays import array_of
from kernel.db.failures import LockSkipped
from kernel.db.planner_statistics import discard_plans
from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from kernel.money import DEFAULT_CURRENCY, Money
from kernel.outcomes import Outcome, result_of
from points import locking, queries
from points.errors import InsufficientPoints
from points.locking import LockedBalance
from points.policy import CHARGES, GRANTS, SALES, SYSTEM_ACCOUNTS, TransferKind


@dataclass(frozen=True, slots=True)
class Spent:
    """A movement of points from a fan to a system account."""

    transfer_id: UUID
    user_id: UUID
    amount: Money
    balance_after: Money


@dataclass(frozen=True, slots=True)
class Received:
    """A movement of points from a system account to a fan."""

    transfer_id: UUID
    user_id: UUID
    amount: Money
    balance_after: Money


@dataclass(frozen=True, slots=True)
class Adjusted:
    """Points that staff gave to a fan; below zero: that they took back."""

    transfer_id: UUID
    user_id: UUID
    amount: Money
    balance_after: Money


@dataclass(frozen=True, slots=True)
class Posted:
    """A transfer and the balances it left on fans' accounts."""

    transfer_id: UUID
    balances: Mapping[UUID, Money]


@dataclass(frozen=True, slots=True)
class NewTransfer:
    """A transfer as it is written: signed points by account, and the balances of fans' accounts."""

    id: UUID
    reference: UUID
    currency: str
    amounts: Mapping[UUID, int]
    balances: Mapping[UUID, int | None]


@dataclass(frozen=True, slots=True)
class Debit:
    """Points that a fan is to pay, and what for."""

    user_id: UUID
    amount: Money
    reference: UUID


def pay(
    *,
    user_id: UUID,
    amount: Money,
    kind: TransferKind,
    reference: UUID,
    now: datetime,
    to: UUID = SALES,
) -> Spent:
    """Move points from a fan to a system account: `pay_many` of one.

    Raises InsufficientPoints; nobody can have less than no points, whatever runs at once.
    """
    debit = Debit(user_id, amount, reference)
    return result_of(pay_many(debits=[debit], kind=kind, now=now, to=to)[0])


def pay_many(
    *,
    debits: Sequence[Debit],
    kind: TransferKind,
    now: datetime,
    to: UUID = SALES,
    skip_locked: bool = False,
) -> list[Outcome[Spent]]:
    """Move points from fans to a system account, from each or none: two statements.

    No fan twice. The outcome may be `InsufficientPoints`, which moves nothing and hurts no other,
    or, with `skip_locked`, `LockSkipped`. Raises IntegrityError (`points_transfer_once`) when
    points moved before for a kind and reference.
    """
    require_transaction()
    for debit in debits:
        _check_positive(debit.amount)
    amounts = {debit.user_id: -debit.amount.amount for debit in debits}
    if len(amounts) != len(debits):
        raise ValueError("a fan pays once at a time")
    balances = locking.lock_and_move(amounts=amounts, skip_locked=skip_locked)
    outcomes: list[Outcome[Spent]] = []
    transfers = []
    for debit in debits:
        balance = balances.get(debit.user_id)
        if balance is None and skip_locked:
            outcomes.append(LockSkipped())
        elif balance is None or balance.after is None:
            outcomes.append(_insufficient(balance, debit.amount))
        else:
            moved = {debit.user_id: amounts[debit.user_id], to: debit.amount.amount}
            left = {debit.user_id: balance.after}
            currency = debit.amount.currency
            transfers.append(NewTransfer(uuid7(), debit.reference, currency, moved, left))
            balance_after = Money(balance.after, currency)
            outcomes.append(Spent(transfers[-1].id, debit.user_id, debit.amount, balance_after))
    _write(transfers, kind=kind, now=now)
    return outcomes


def receive(
    *,
    user_id: UUID,
    amount: Money,
    kind: TransferKind,
    reference: UUID,
    now: datetime,
    source: UUID = CHARGES,
) -> Received:
    """Move points from a system account to a fan; the first movement opens the account."""
    _check_positive(amount)
    open_accounts(user_ids=[user_id], now=now)
    posted = post_transfer(
        kind=kind,
        reference=reference,
        amounts={user_id: amount.amount, source: -amount.amount},
        currency=amount.currency,
        now=now,
    )
    return Received(posted.transfer_id, user_id, amount, posted.balances[user_id])


def post_transfer(
    *,
    kind: TransferKind,
    reference: UUID,
    amounts: Mapping[UUID, int],
    currency: str,
    now: datetime,
) -> Posted:
    """Write one transfer: two statements, fans' accounts locked by id (Note [Lock order]).

    `amounts` is signed points by account and must sum to zero. Raises InsufficientPoints, and
    IntegrityError (`points_transfer_once`) when this kind and reference moved points before; either
    must end the transaction.
    """
    require_transaction()
    if sum(amounts.values()) != 0:
        raise ValueError("a transfer must sum to zero")
    fans = {
        account: amount for account, amount in amounts.items() if account not in SYSTEM_ACCOUNTS
    }
    found = locking.lock_and_move(amounts=fans)
    balances: dict[UUID, int] = {}
    for account in sorted(fans):
        balance = found.get(account)
        if balance is not None and balance.after is not None:
            balances[account] = balance.after
            continue
        if fans[account] > 0:
            raise ValueError(f"{account} must be opened before it can receive")
        raise _insufficient(balance, Money(-fans[account], currency))
    transfer = NewTransfer(uuid7(), reference, currency, amounts, balances)
    _write([transfer], kind=kind, now=now)
    return Posted(
        transfer.id, {account: Money(points, currency) for account, points in balances.items()}
    )


def _insufficient(balance: LockedBalance | None, needed: Money) -> InsufficientPoints:
    has = Money(balance.before if balance else 0, needed.currency)
    return InsufficientPoints(balance=has, needed=needed)


# Arrays instead of model instances take half the time: 2.8 s instead of 5.6 s for 10,000 fans.
_WRITE = """
WITH written AS (
    INSERT INTO points_transfer (id, kind, reference, currency, created_at)
    SELECT transfer.id, %(kind)s, transfer.reference, transfer.currency, %(now)s
      FROM unnest(%(ids)s::uuid[], %(references)s::uuid[], %(currencies)s::text[])
           AS transfer (id, reference, currency))
INSERT INTO points_entry (id, transfer_id, account_id, amount, balance_after)
SELECT * FROM unnest(%(entries)s::uuid[], %(transfers)s::uuid[], %(accounts)s::uuid[],
                     %(amounts)s::bigint[], %(balances)s::bigint[])
"""


def _write(transfers: Sequence[NewTransfer], *, kind: TransferKind, now: datetime) -> None:
    """Insert transfers, whose points have moved, and their entries: one statement, or none."""
    if not transfers:
        return
    entries = [
        (transfer.id, account, amount, transfer.balances.get(account))
        for transfer in transfers
        for account, amount in transfer.amounts.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            {
                "kind": kind,
                "now": now,
                "ids": array_of([transfer.id for transfer in transfers]),
                "references": array_of([transfer.reference for transfer in transfers]),
                "currencies": array_of([transfer.currency for transfer in transfers]),
                "entries": array_of([uuid7() for _ in entries]),
                "transfers": array_of([transfer_id for transfer_id, *_ in entries]),
                "accounts": array_of([account for _, account, *_ in entries]),
                "amounts": array_of([amount for _, _, amount, _ in entries]),
                "balances": array_of([balance for *_, balance in entries]),
            },
        )


def open_accounts(*, user_ids: Iterable[UUID], now: datetime) -> None:
    """Open the missing accounts, empty, in one statement."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO points_account (id, user_id, name, balance, currency, opened_at)
            SELECT fan, fan, '', 0, %(currency)s, %(now)s
              FROM unnest(%(fans)s::uuid[]) AS fan
             ORDER BY fan
            ON CONFLICT DO NOTHING
            """,
            {"fans": list(user_ids), "currency": DEFAULT_CURRENCY, "now": now},
        )


def open_accounts_with_points(
    *, user_ids: Iterable[UUID], amount: Money, reference: UUID, now: datetime
) -> int:
    """Grant points to each fan, in six statements; return how many fans got them now.

    A fan gets them once per `reference`, however often and concurrently this is called: earlier
    grants are read after the accounts are locked.
    """
    _check_positive(amount)
    require_transaction()
    discard_plans()
    wanted = {uuid5(reference, str(user_id)): user_id for user_id in set(user_ids)}
    open_accounts(user_ids=wanted.values(), now=now)
    locking.lock(accounts=wanted.values())
    given = queries.references(kind=TransferKind.GRANT, among=wanted)
    due = {grant: user_id for grant, user_id in wanted.items() if grant not in given}
    gain, currency = amount.amount, amount.currency
    left = locking.lock_and_move(amounts=dict.fromkeys(due.values(), gain))
    transfers = [
        NewTransfer(
            uuid7(), grant, currency, {user_id: gain, GRANTS: -gain}, {user_id: left[user_id].after}
        )
        for grant, user_id in due.items()
    ]
    _write(transfers, kind=TransferKind.GRANT, now=now)
    return len(due)


def _check_positive(amount: Money) -> None:
    if amount.amount <= 0 or amount.currency != DEFAULT_CURRENCY:
        raise ValueError(f"points move by positive whole amounts of {DEFAULT_CURRENCY}")
