"""Writes of the ledger; every one needs the transaction of what it belongs to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from kernel.money import DEFAULT_CURRENCY, Money
from points import locking, queries
from points.errors import InsufficientPoints
from points.models import Account, Entry, Transfer
from points.policy import CHARGES, GRANTS, SALES, SYSTEM_ACCOUNTS, Kind

_BATCH = 2000


@dataclass(frozen=True, slots=True)
class Spent:
    """A fan's points left for somewhere else."""

    transfer_id: UUID
    user_id: UUID
    amount: Money
    balance_after: Money


@dataclass(frozen=True, slots=True)
class Received:
    """A fan got points."""

    transfer_id: UUID
    user_id: UUID
    amount: Money
    balance_after: Money


@dataclass(frozen=True, slots=True)
class Posted:
    """A transfer and the balances it left on fans' accounts."""

    transfer_id: UUID
    balances: Mapping[UUID, Money]


def pay(
    *,
    user_id: UUID,
    amount: Money,
    kind: Kind,
    reference: UUID,
    now: datetime,
    to: UUID = SALES,
) -> Spent:
    """Move points from a fan to a system account.

    Raises InsufficientPoints; nobody can have less than no points, whatever runs at once.
    """
    _check_positive(amount)
    posted = post_transfer(
        kind=kind,
        reference=reference,
        amounts={user_id: -amount.amount, to: amount.amount},
        currency=amount.currency,
        now=now,
    )
    return Spent(posted.transfer_id, user_id, amount, posted.balances[user_id])


def receive(
    *,
    user_id: UUID,
    amount: Money,
    kind: Kind,
    reference: UUID,
    now: datetime,
    source: UUID = CHARGES,
) -> Received:
    """Move points from a system account to a fan, whose account is opened if it is the first."""
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
    *, kind: Kind, reference: UUID, amounts: Mapping[UUID, int], currency: str, now: datetime
) -> Posted:
    """Write one transfer: three statements, fans' accounts locked by id (Note [Lock order]).

    `amounts` is signed points by account and must sum to zero. Raises InsufficientPoints, and
    IntegrityError (`points_transfer_once`) when this kind and reference moved points before.
    """
    require_transaction()
    if sum(amounts.values()) != 0:
        raise ValueError("a transfer must sum to zero")
    fans = {
        account: amount for account, amount in amounts.items() if account not in SYSTEM_ACCOUNTS
    }
    balances = locking.lock_and_move(amounts=fans)
    for account in sorted(fans.keys() - balances.keys()):
        if fans[account] > 0:
            raise ValueError(f"{account} must be opened before it can receive")
        raise InsufficientPoints(
            balance=queries.balance(user_id=account), needed=Money(-fans[account], currency)
        )
    transfer = Transfer.objects.create(
        id=uuid7(), kind=kind, reference=reference, currency=currency, created_at=now
    )
    Entry.objects.bulk_create(
        Entry(
            transfer=transfer,
            account_id=account,
            amount=amount,
            balance_after=balances.get(account),
        )
        for account, amount in amounts.items()
    )
    return Posted(
        transfer.id, {account: Money(points, currency) for account, points in balances.items()}
    )


def open_accounts(*, user_ids: Iterable[UUID], now: datetime) -> None:
    """Open the accounts that are missing, with nothing on them."""
    require_transaction()
    Account.objects.bulk_create(
        (Account(id=user_id, user_id=user_id, balance=0, opened_at=now) for user_id in user_ids),
        batch_size=_BATCH,
        ignore_conflicts=True,
    )


def open_accounts_with_points(
    *, user_ids: Iterable[UUID], amount: Money, reference: UUID, now: datetime
) -> int:
    """Give each fan points out of grants, in bulk; return how many got them now.

    A fan gets them once per `reference`, however often this is called.
    """
    _check_positive(amount)
    require_transaction()
    wanted = {uuid5(reference, str(user_id)): user_id for user_id in sorted(set(user_ids))}
    open_accounts(user_ids=wanted.values(), now=now)
    given = queries.references(kind=Kind.GRANT, among=wanted)
    due = {grant: user_id for grant, user_id in wanted.items() if grant not in given}
    balances = locking.lock_and_move(amounts=dict.fromkeys(due.values(), amount.amount))
    transfers = [
        Transfer(
            id=uuid7(),
            kind=Kind.GRANT,
            reference=grant,
            currency=amount.currency,
            created_at=now,
        )
        for grant in due
    ]
    Transfer.objects.bulk_create(transfers, batch_size=_BATCH)
    entries = []
    for transfer in transfers:
        user_id, points = due[transfer.reference], amount.amount
        entries += [
            Entry(
                transfer=transfer,
                account_id=user_id,
                amount=points,
                balance_after=balances[user_id],
            ),
            Entry(transfer=transfer, account_id=GRANTS, amount=-points),
        ]
    Entry.objects.bulk_create(entries, batch_size=_BATCH)
    return len(due)


def _check_positive(amount: Money) -> None:
    if amount.amount <= 0 or amount.currency != DEFAULT_CURRENCY:
        raise ValueError(f"points move by positive whole amounts of {DEFAULT_CURRENCY}")
