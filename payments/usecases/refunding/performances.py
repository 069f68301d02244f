"""The use case of giving a cancelled performance back: every payment in full, batch by batch.

Note [Called off]
What is left to do is read from the seats that are still sold, so nothing has to be remembered: each
reservation is given back in a transaction of its own, which also counts it in the `RefundRun`. A
process that dies leaves whole reservations done or not done, and the next run goes on. The status
is committed first; then every seat is locked once, so that payments under way have ended and later
ones read the status. Money that arrives after that is late, and goes back by itself.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from concerts.models import Performance
from events.operations import record
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from payments import operations, policy
from payments import refund_queries as queries
from payments.cancellation import in_full
from payments.freed_seats import publish_freed
from payments.operations import CALLED_OFF
from payments.orders import called_off_key_of
from payments.usecases.refunding.cancelling import lock_bought
from reservations import locking as reservation_locking

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RefundBatch:
    """What one batch did; `last` is where the next one goes on, None once all were looked at."""

    refunded: int = 0
    errors: int = 0
    last: UUID | None = None


def begin_refunds(*, performance_id: UUID, now: datetime) -> None:
    """Wait for payments under way at a cancelled performance, and open its run; repeatable."""
    with transaction():
        operations.open_run(performance_id=performance_id, now=now)
        reservation_locking.lock_inventory(performance_ids=[performance_id])


def refund_batch(
    *,
    performance_id: UUID,
    after: UUID | None,
    now: datetime,
    limit: int = policy.REFUNDS_PER_BATCH,
) -> RefundBatch:
    """Give up to `limit` reservations of a cancelled performance back in full.

    Points are back with each; the reconciler asks the gateway. What fails is logged, and is left to
    the next run. See Note [Called off].
    """
    found = queries.sold_reservations(performance_id=performance_id, after=after, limit=limit)
    refunded = errors = 0
    for reservation_id, user_id in found:
        try:
            refunded += _give_back(performance_id, reservation_id, user_id, now)
        except Exception:
            log.exception("reservation not refunded", extra={"reservation": str(reservation_id)})
            errors += 1
    if not found and after is None:
        operations.finish_run(performance_id=performance_id, now=now)
    return RefundBatch(refunded, errors, found[-1][0] if found else None)


def _give_back(performance_id: UUID, reservation_id: UUID, user_id: UUID, now: datetime) -> int:
    with transaction():
        locked = lock_bought(reservation_id=reservation_id, user_id=user_id)
        bought = queries.purchase(reservation_id=reservation_id, user_id=user_id)
        called_off = bought.performance.status == Performance.Status.CANCELLED
        if not called_off or bought.reservation.status != bought.reservation.Status.CONFIRMED:
            return 0
        if bought.payment is None:
            raise LookupError(f"no payment for {reservation_id}")
        judged = in_full(bought, bought.payment)
        done = operations.cancel(
            cancellation_id=uuid7(),
            request_key=called_off_key_of(reservation_id),
            locked=locked,
            quote=judged,
            reason=CALLED_OFF,
            resolve_after=now,
            now=now,
        )
        operations.count_refunded(performance_id=performance_id, amount=judged.paid)
        record(events=done.events, now=now)
    publish_freed(locked=locked, seat_ids=judged.seat_ids, now=now)
    return 1
