"""The row locks of the ledger: fans' accounts, by id."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from kernel.db.arrays import array_of
from kernel.db.transaction import require_transaction


@dataclass(frozen=True, slots=True)
class LockedBalance:
    """The points of a locked account, and what a movement left; None: too few, nothing moved."""

    before: int
    after: int | None


# The inner select locks in key order, which an UPDATE alone doesn't promise; the rows it then
# writes are the newest versions, because PostgreSQL checks a row again after waiting for its lock.
_MOVE = """
WITH locked AS MATERIALIZED (
    SELECT account.id, account.balance, delta.amount
      FROM points_account AS account
      JOIN unnest(%(ids)s::uuid[], %(amounts)s::bigint[]) AS delta (id, amount)
        ON delta.id = account.id
     WHERE account.balance IS NOT NULL
     ORDER BY account.id
       FOR NO KEY UPDATE OF account),
moved AS (
    UPDATE points_account AS account
       SET balance = account.balance + locked.amount
      FROM locked
     WHERE account.id = locked.id AND account.balance + locked.amount >= 0
    RETURNING account.id, account.balance)
SELECT locked.id, locked.balance, moved.balance
  FROM locked LEFT JOIN moved ON moved.id = locked.id
"""
_MOVE_SKIPPING = _MOVE.replace("OF account)", "OF account SKIP LOCKED)")


_LOCK = """
SELECT id FROM points_account WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""


def lock(*, accounts: Iterable[UUID]) -> None:
    """Lock fans' accounts in id order, before a decision on what has been moved already."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(accounts)])


def lock_and_move(
    *, amounts: Mapping[UUID, int], skip_locked: bool = False
) -> dict[UUID, LockedBalance]:
    """Lock fans' accounts in id order and add the signed amounts; return the balances.

    One statement. A balance that would become negative is not changed; it stays locked, so what is
    said of it is its last. An account that doesn't exist is missing from the result, and so is,
    with `skip_locked`, one that somebody else has locked.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE_SKIPPING if skip_locked else _MOVE,
            {"ids": array_of(amounts), "amounts": array_of(amounts.values())},
        )
        return {key: LockedBalance(before, after) for key, before, after in cursor.fetchall()}
