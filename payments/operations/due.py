"""What the reconciler takes on: it is due again later, whatever becomes of the process."""

from datetime import datetime
from uuid import UUID

from kernel.db.transaction import require_transaction
from payments import locking, policy
from payments.locking import Due
from payments.models import OPEN_STATUSES, Charge, Payment, Refund


def claim_due(model: type[Due], *, limit: int, now: datetime) -> list[UUID]:
    """Take on up to `limit` rows that are due, and make each due again later; return their ids.

    Two reconcilers never take on the same: rows that another has locked are left to it.
    """
    require_transaction()
    rows = locking.lock_due(model, limit=limit, now=now)
    for row in rows:
        row.tries = min(row.tries + 1, 1000)
        row.resolve_after = _next(row, now)
    model._default_manager.bulk_update(rows, ["tries", "resolve_after"])
    return [row.pk for row in rows]


def _next(row: Payment | Charge | Refund, now: datetime) -> datetime | None:
    if row.status in OPEN_STATUSES:
        return policy.next_look_up(tries=row.tries, now=now)
    return policy.next_watch(tries=row.tries, created_at=row.created_at, now=now)
