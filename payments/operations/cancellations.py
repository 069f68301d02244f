"""What is written when bought seats are given up, under the locks of reservation and payment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F

from events.operations import NewEvent
from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from payments import events
from payments.cancellation import Quote
from payments.models import Cancellation, Refund, RefundRun
from payments.operations.refunds import give_points_back
from payments.orders import cancellation_keys_of
from reservations import operations as reservations
from reservations.operations import LockedReservation
from tickets import operations as tickets


@dataclass(frozen=True, slots=True)
class Reason:
    """Why seats are given up, for refunds and for the event `reservation.cancelled`."""

    refund: Refund.Reason
    event: str


BY_FAN = Reason(Refund.Reason.CANCELLED, "given_up")
BY_STAFF = Reason(Refund.Reason.BY_STAFF, "given_up")
GOODWILL = Reason(Refund.Reason.GOODWILL, "given_up")
CALLED_OFF = Reason(Refund.Reason.CALLED_OFF, "performance_cancelled")


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was written: the events to record, and the refund that the gateway has to make."""

    events: Sequence[NewEvent]
    gateway_refund: UUID | None


def cancel(
    *,
    cancellation_id: UUID,
    request_key: str,
    locked: LockedReservation,
    quote: Quote,
    reason: Reason,
    resolve_after: datetime,
    now: datetime,
) -> Cancelled:
    """Give seats up as quoted: free them, void their tickets, write the refunds.

    Points are back at once, by a refund of their own that nothing can refuse; the gateway's is
    asked for after the commit, at the latest from `resolve_after` on. Raises IntegrityError where
    the request has given seats up before, which must end the transaction.
    """
    require_transaction()
    Cancellation.objects.create(
        id=cancellation_id,
        payment=quote.payment,
        seat_ids=quote.seat_ids,
        paid=quote.paid,
        fee=quote.fee,
        points_amount=quote.points,
        currency=quote.payment.currency,
        reason=reason.refund,
        policy_version=quote.policy_version,
        request_key=request_key,
        created_at=now,
    )
    made = [
        reservations.cancel_seats(
            locked=locked, seat_ids=quote.seat_ids, last=quote.last, reason=reason.event, now=now
        )
    ]
    tickets.void(reservation_id=locked.reservation.pk, seat_ids=quote.seat_ids)
    by_points, by_gateway = _refunds(cancellation_id, quote, reason, resolve_after, now)
    Refund.objects.bulk_create([row for row in (by_points, by_gateway) if row])
    if by_points:
        made += [events.refunded(by_points), give_points_back(refund=by_points, now=now)]
    return Cancelled(made, by_gateway.pk if by_gateway else None)


def _refunds(
    cancellation_id: UUID, quote: Quote, reason: Reason, resolve_after: datetime, now: datetime
) -> tuple[Refund | None, Refund | None]:
    points_key, gateway_key = cancellation_keys_of(cancellation_id)

    def refund(key: str, amount: int, points: int) -> Refund:
        done = amount == points
        return Refund(
            id=uuid7(),
            payment=quote.payment,
            status=Refund.Status.DONE if done else Refund.Status.CREATED,
            reason=reason.refund,
            amount=amount,
            points_amount=points,
            currency=quote.payment.currency,
            seat_ids=quote.seat_ids,
            request_key=key,
            created_at=now,
            done_at=now if done else None,
            resolve_after=None if done else resolve_after,
        )

    return (
        refund(points_key, quote.points, quote.points) if quote.points else None,
        refund(gateway_key, quote.by_gateway, 0) if quote.by_gateway else None,
    )


def open_run(*, performance_id: UUID, now: datetime) -> None:
    """Begin to keep how far the refunds of a performance have come, or go on with it."""
    RefundRun.objects.get_or_create(performance_id=performance_id, defaults={"started_at": now})


def count_refunded(*, performance_id: UUID, amount: int) -> None:
    """Count a reservation that is given back, in the transaction that does it."""
    require_transaction()
    RefundRun.objects.filter(pk=performance_id).update(
        reservations=F("reservations") + 1, amount=F("amount") + amount, finished_at=None
    )


def finish_run(*, performance_id: UUID, now: datetime) -> None:
    """Write down that nothing is left to give back."""
    RefundRun.objects.filter(pk=performance_id, finished_at=None).update(finished_at=now)
