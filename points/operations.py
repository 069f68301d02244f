"""The writes of the ledger; each requires the transaction that it belongs to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from django.db import connection

from kernel.db.planner_statistics import discard_plans
from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from kernel.money import DEFAULT_CURRENCY, Money
from points import locking, queries
from points.errors import InsufficientPoints
from points.models import Entry, Transfer
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
class Posted:
    """A transfer and the balances it left on fans' accounts."""

    transfer_id: UUID
    balances: Mapping[UUID, Money]


def pay(
    *,
    user_id: UUID,
    amount: Money,
    kind: TransferKind,
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
    """Grant points to each fan, in seven statements; return how many fans got them now.

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
    locking.lock_and_move(amounts=dict.fromkeys(due.values(), amount.amount))
    rows: dict[str, Any] = {
        "references": list(due),
        "fans": list(due.values()),
        "transfers": [uuid7() for _ in due],
        "received": [uuid7() for _ in due],
        "granted": [uuid7() for _ in due],
        "kind": TransferKind.GRANT,
        "grants": GRANTS,
        "amount": amount.amount,
        "currency": amount.currency,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_GRANT_TRANSFERS, rows)
        cursor.execute(_GRANT_ENTRIES, rows)
    return len(due)


# Arrays instead of model instances take half the time: 2.8 s instead of 5.6 s for 10,000 fans.
_GRANT_TRANSFERS = """
INSERT INTO points_transfer (id, kind, reference, currency, created_at)
SELECT due.id, %(kind)s, due.reference, %(currency)s, %(now)s
  FROM unnest(%(transfers)s::uuid[], %(references)s::uuid[]) AS due (id, reference)
"""
_GRANT_ENTRIES = """
WITH due AS (
    SELECT * FROM unnest(%(transfers)s::uuid[], %(fans)s::uuid[], %(received)s::uuid[],
                         %(granted)s::uuid[]) AS due (transfer_id, fan, received, granted))
INSERT INTO points_entry (id, transfer_id, account_id, amount, balance_after)
SELECT due.received, due.transfer_id, due.fan, %(amount)s, account.balance
  FROM due JOIN points_account AS account ON account.id = due.fan
 UNION ALL
SELECT due.granted, due.transfer_id, %(grants)s, -%(amount)s, NULL FROM due
"""


def _check_positive(amount: Money) -> None:
    if amount.amount <= 0 or amount.currency != DEFAULT_CURRENCY:
        raise ValueError(f"points move by positive whole amounts of {DEFAULT_CURRENCY}")
