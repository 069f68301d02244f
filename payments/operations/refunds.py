"""The life of a refund; each step under the locks of its reservation and payment."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from events.operations import NewEvent
from kernel.db.transaction import require_transaction
from payments import events
from payments.models import Payment, Refund
from payments.models.received import FAILURE_MESSAGE_LENGTH
from payments.operations.attempts import show
from payments.public import FAILED
from points import events as points_events
from points import operations as points
from points.policy import SALES, TransferKind
from reservations.operations import LockedReservation


def mark_refunds_requested(*, refund_ids: Sequence[UUID]) -> None:
    """Write down that the gateway is about to be asked for new refunds: one statement."""
    require_transaction()
    new = Refund.objects.filter(pk__in=refund_ids, status=Refund.Status.CREATED)
    new.update(status=Refund.Status.REQUESTED)


def mark_refund_unknown(*, refund: Refund) -> None:
    """Write down that the gateway may have given the money back; it is asked again later."""
    require_transaction()
    refund.status = Refund.Status.UNKNOWN
    refund.save(update_fields=["status"])


def mark_refused(*, refund: Refund, message: str) -> None:
    """Write down that the gateway will not give the money back: somebody has to."""
    require_transaction()
    refund.status = Refund.Status.REFUSED
    refund.failure_message = message[:FAILURE_MESSAGE_LENGTH]
    refund.resolve_after = None
    refund.save(update_fields=["status", "failure_message", "resolve_after"])


def mark_done(*, refund: Refund, locked: LockedReservation, now: datetime) -> list[NewEvent]:
    """Write down that the money is back, give the points part back, and return the events."""
    require_transaction()
    refund.status = Refund.Status.DONE
    refund.done_at, refund.resolve_after = now, None
    refund.save(update_fields=["status", "done_at", "resolve_after"])
    made = [events.refunded(refund)]
    if refund.payment.status == Payment.Status.LATE_CAPTURED:
        show(refund.payment, locked, FAILED, money=False)
    if refund.points_amount:
        made.append(give_points_back(refund=refund, now=now))
    return made


def give_points_back(*, refund: Refund, now: datetime) -> NewEvent:
    """Give the points part of a refund back, which happens once, and return the event."""
    require_transaction()
    received = points.receive(
        user_id=refund.payment.user_id,
        amount=refund.points,
        kind=TransferKind.REFUND,
        reference=refund.pk,
        now=now,
        source=SALES,
    )
    return points_events.refunded(received)
