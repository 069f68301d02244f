"""Use cases of giving bought seats up: what it would give back, and doing it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from events.operations import record
from idempotency.errors import KeyReused
from idempotency.usecases.leases import execute_once
from kernel.db.transaction import transaction
from payments import locking, operations, policy
from payments import refund_queries as queries
from payments.cancellation import Quote, judge
from payments.freed_seats import publish_freed
from payments.operations import BY_FAN
from payments.refund_queries import CancellationResult
from payments.usecases.refunding.paying_back import try_at_once
from reservations import operations as reservations
from reservations.operations import LockedReservation
from tickets import locking as ticket_locking


def quote(*, reservation_id: UUID, user_id: UUID, now: datetime) -> Quote:
    """Return what cancelling all seats that are left gives back at `now`, each.

    Takes no lock: `cancel` judges again, by the same rules. Raises ReservationNotFound and what
    `payments.cancellation.judge` raises.
    """
    bought = queries.purchase(reservation_id=reservation_id, user_id=user_id)
    return judge(bought, seat_ids=None, now=now)


def cancel(
    *,
    reservation_id: UUID,
    user_id: UUID,
    seat_ids: Sequence[UUID] | None,
    cancellation_id: UUID,
    request_key: str,
    resumed: bool,
    now: datetime,
) -> CancellationResult:
    """Give bought seats up by the refund policy, None for all that are left.

    Points are back with the commit; the gateway's part is asked for at once afterwards, and by the
    reconciler until it is done. `resumed` says that the same request may have been executed before.
    Raises ReservationNotFound and what `payments.cancellation.judge` raises.
    """

    def execute() -> CancellationResult:
        _cancel(reservation_id, user_id, seat_ids, cancellation_id, request_key, now)
        return queries.cancellation(cancellation_id=cancellation_id)

    result = execute_once(
        execute,
        find=lambda: queries.cancellation_of_request(request_key=request_key),
        resumed=resumed,
    )
    if result.reservation.id != reservation_id:
        raise KeyReused
    return result


def _cancel(
    reservation_id: UUID,
    user_id: UUID,
    seat_ids: Sequence[UUID] | None,
    cancellation_id: UUID,
    request_key: str,
    now: datetime,
) -> None:
    with transaction():
        locked = lock_bought(reservation_id=reservation_id, user_id=user_id)
        # Read behind the last lock that may have waited (Note [Facts under lock]).
        bought = queries.purchase(reservation_id=reservation_id, user_id=user_id)
        judged = judge(bought, seat_ids=seat_ids, now=now)
        done = operations.cancel(
            cancellation_id=cancellation_id,
            request_key=request_key,
            locked=locked,
            quote=judged,
            reason=BY_FAN,
            resolve_after=now + policy.REQUEST_TAKES,
            now=now,
        )
        record(events=done.events, now=now)
    publish_freed(locked=locked, seat_ids=judged.seat_ids, now=now)
    if done.gateway_refund is not None:
        try_at_once(refund_id=done.gateway_refund, now=now)


def lock_bought(*, reservation_id: UUID, user_id: UUID) -> LockedReservation:
    """Lock a reservation with its payment and tickets, in the order of Note [Lock order].

    Raises ReservationNotFound.
    """
    locked = reservations.lock_reservation(reservation_id=reservation_id, user_id=user_id)
    locking.lock_live_payment(reservation_id=reservation_id)
    ticket_locking.lock_tickets_of(reservation_id=reservation_id)
    return locked
