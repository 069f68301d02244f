"""The use case that writes the letters of mailings, batch by batch.

Note [Mailings]
A postponed performance has a letter for each of ten thousand holders. The consumer writes down one
row for all of them; workers write the letters, some hundred a transaction, in the order of the
holders' ids, and how far they came. One that dies in the middle leaves a batch that was written or
was not, and the next worker goes on behind it. A holder's letter has its key from event, kind and
person, so it is written once whatever happens.
"""

from collections.abc import Callable
from datetime import datetime

from kernel.db.transaction import transaction
from notifications import locking, operations, policy
from tickets import queries as tickets


def carry_on(*, now: datetime, must_end: Callable[[], bool] = lambda: False) -> int:
    """Write the next letters of mailings, some batches at most; return how many."""
    total = 0
    for _ in range(policy.BATCHES_A_TURN):
        written = None if must_end() else _write_batch(now)
        if written is None:
            break
        total += written
    return total


def _write_batch(now: datetime) -> int | None:
    """Write one batch; None where no mailing waits for this worker."""
    with transaction():
        mailing = locking.claim_mailing()
        if mailing is None:
            return None
        holders = tickets.holders(
            performance_id=mailing.performance_id,
            after=mailing.last_user_id,
            limit=policy.LETTERS_A_TRANSACTION,
        )
        is_last = len(holders) < policy.LETTERS_A_TRANSACTION
        operations.write_batch(mailing=mailing, holders=holders, is_last=is_last, now=now)
    return len(holders)
