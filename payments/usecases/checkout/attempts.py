"""What several use cases do with attempts to pay through a gateway."""

from collections.abc import Sequence
from datetime import datetime

from events.operations import NewEvent
from payments import failures, locking, operations, queries
from payments.models import Payment
from payments.operations import Ended
from reservations.operations import LockedReservation
from reservations.usecases.holds import PaymentInProgress

GIVEN_UP = Ended(Payment.Status.ABANDONED, failures.ABANDONED)


def abandon_created(*, locked: LockedReservation, now: datetime) -> Sequence[NewEvent]:
    """Abandon the reservation's live attempt if nobody has confirmed it; return the events.

    Raises PaymentInProgress where money may have moved, which must end the transaction.
    """
    reservation_id = locked.reservation.pk
    status = queries.with_live_payment(reservation_ids=[reservation_id]).get(reservation_id)
    if status is None:
        return []
    if status != Payment.Status.CREATED:  # late money pays for seats on offer, too
        raise PaymentInProgress
    live = locking.lock_live_payment(reservation_id=reservation_id)
    assert live is not None
    return operations.end(payment=live, locked=locked, ended=GIVEN_UP, now=now)
