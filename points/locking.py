"""The row locks of the ledger: fans' accounts, by id."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import connection

from kernel.db.transaction import require_transaction

# The inner select locks in key order, which an UPDATE alone doesn't promise; the rows it then
# writes are the newest versions, because PostgreSQL checks a row again after waiting for its lock.
_MOVE = """
WITH locked AS (
    SELECT account.id, delta.amount
      FROM points_account AS account
      JOIN unnest(%(ids)s::uuid[], %(amounts)s::bigint[]) AS delta (id, amount)
        ON delta.id = account.id
     WHERE account.balance IS NOT NULL
     ORDER BY account.id
       FOR NO KEY UPDATE OF account)
UPDATE points_account AS account
   SET balance = account.balance + locked.amount
  FROM locked
 WHERE account.id = locked.id AND account.balance + locked.amount >= 0
RETURNING account.id, account.balance
"""


_LOCK = """
SELECT id FROM points_account WHERE id = ANY(%s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""


def lock(*, accounts: Iterable[UUID]) -> None:
    """Lock fans' accounts in id order, before a decision on what has been moved already."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [list(accounts)])


def lock_and_move(*, amounts: Mapping[UUID, int]) -> dict[UUID, int]:
    """Lock fans' accounts in id order, add the signed amounts, return the new balances.

    One statement. An account that doesn't exist, or whose balance would become negative, is not
    changed and is missing from the result; it stays locked, so a balance read now is its last.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, {"ids": list(amounts), "amounts": list(amounts.values())})
        return dict(cursor.fetchall())
