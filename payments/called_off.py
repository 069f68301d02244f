"""Give cancelled performances back, batch by batch (Note [Called off])."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import UUID

from payments import policy
from payments import refund_queries as queries
from payments.usecases import refunding
from payments.usecases.refunding import RefundBatch


def batches(*, performance_id: UUID, now: datetime) -> Iterator[RefundBatch]:
    """Give a cancelled performance back; yield what each batch did, until nothing is left.

    What failed is left to the next run.
    """
    refunding.begin_refunds(performance_id=performance_id, now=now)
    after: UUID | None = None
    while True:
        done = refunding.refund_batch(performance_id=performance_id, after=after, now=now)
        yield done
        if done.last is None:
            break
        after = done.last
    # From the front once more: finished only if nothing is sold any more.
    if after is not None:
        yield refunding.refund_batch(performance_id=performance_id, after=None, now=now)


def refund_all(*, now: datetime) -> int:
    """Give some batches of each cancelled performance back; return how many reservations.

    The next call goes on, so that a large one doesn't keep the worker from what else is due.
    """
    return sum(
        done.refunded
        for performance_id in queries.to_refund()
        for done in islice(batches(performance_id=performance_id, now=now), policy.BATCHES_AT_ONCE)
    )
