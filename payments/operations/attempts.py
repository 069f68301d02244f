"""The life of an attempt to pay through a gateway, each step under the reservation's locks.

Every step also tells the reservation: what its `payment` field shows, and whether money may have
moved, because then the hold can't be given up.
"""

from dataclasses import dataclass
from datetime import datetime

from events.operations import NewEvent
from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from payments import events, failures, policy
from payments.models import Payment, Refund
from payments.models.received import PAYMENT_KEY_LENGTH
from payments.operations.received import write_requested, write_unpaid
from payments.orders import refund_key_of
from payments.public import PAID, PROCESSING, REQUIRES_ACTION, public_status
from points import events as points_events
from points import operations as points
from points.policy import SALES, TransferKind
from reservations import operations as reservations
from reservations.operations import LockedReservation


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt ended without money: its state, and the reason that the fan is shown.

    `final`: the gateway says that it can't be captured any more, so nobody looks again.
    """

    status: Payment.Status
    code: str
    message: str = ""
    final: bool = False


def hold_points(*, payment: Payment, locked: LockedReservation, now: datetime) -> list[NewEvent]:
    """Take the points part of a new attempt, and show the attempt. Raises InsufficientPoints."""
    require_transaction()
    show(payment, locked, REQUIRES_ACTION, money=payment.points_amount > 0)
    if not payment.points_amount:
        return []
    spent = points.pay(
        user_id=payment.user_id,
        amount=payment.points,
        kind=TransferKind.PAYMENT_HOLD,
        reference=payment.pk,
        now=now,
    )
    return [points_events.spent(spent)]


def mark_requested(
    *, payment: Payment, locked: LockedReservation, payment_key: str, now: datetime
) -> None:
    """Write down that the gateway is about to be asked for the money."""
    write_requested(row=payment, payment_key=payment_key, now=now)
    show(payment, locked, PROCESSING, money=True)


def mark_unknown(*, payment: Payment, locked: LockedReservation, now: datetime) -> bool:
    """Write down that only a look-up can say whether the money was taken.

    Until that one has been made the hold goes on, within its cap: a fan whose money may be taken
    loses no seats to a slow gateway. Says whether the hold moved, which the caller publishes.
    """
    require_transaction()
    payment.status = Payment.Status.UNKNOWN
    payment.resolve_after = policy.next_look_up(tries=payment.tries, now=now)
    payment.save(update_fields=["status", "resolve_after"])
    show(payment, locked, PROCESSING, money=True)
    until = payment.resolve_after + policy.REQUEST_TAKES
    return reservations.prolong(locked=locked, until=until, now=now)


def keep_open(*, payment: Payment, locked: LockedReservation, now: datetime) -> None:
    """Look again later at an attempt that nobody has paid yet, at the hold's end at the latest."""
    require_transaction()
    later = policy.next_look_up(tries=payment.tries, now=now)
    ends = locked.reservation.expires_at
    payment.resolve_after = min(later, ends) if ends > now else later
    payment.save(update_fields=["resolve_after"])


def take_back_request(
    *, payment: Payment, locked: LockedReservation, named_key: str, now: datetime
) -> None:
    """Take back the request of an attempt that the gateway certainly did not act on.

    `named_key` is what the gateway had named with its page, if it did: another came by a browser.
    """
    require_transaction()
    payment.status = Payment.Status.CREATED
    payment.requested_at = None
    payment.payment_key = named_key
    payment.save(update_fields=["status", "requested_at", "payment_key"])
    show(payment, locked, REQUIRES_ACTION, money=payment.points_amount > 0)
    keep_open(payment=payment, locked=locked, now=now)


def end(
    *, payment: Payment, locked: LockedReservation, ended: Ended, now: datetime
) -> list[NewEvent]:
    """End an open attempt without money: its points part goes back, the hold's time stays.

    Returns the events to record.
    """
    write_unpaid(
        row=payment,
        status=ended.status,
        code=ended.code,
        message=ended.message,
        final=ended.final,
        now=now,
    )
    show(payment, locked, public_status(payment.status), money=False)
    returned = return_points(payment=payment, now=now)
    if ended.status is not Payment.Status.FAILED:
        return returned
    return [*returned, events.failed(payment)]


def return_points(*, payment: Payment, now: datetime) -> list[NewEvent]:
    """Give the points part back, which happens once for each payment, and return the event."""
    require_transaction()
    if not payment.points_amount:
        return []
    received = points.receive(
        user_id=payment.user_id,
        amount=payment.points,
        kind=TransferKind.PAYMENT_RETURN,
        reference=payment.pk,
        now=now,
        source=SALES,
    )
    return [points_events.refunded(received)]


def stop_looking(*, payment: Payment) -> None:
    """Look no more for money of an ended attempt: the gateway says that none will come."""
    require_transaction()
    payment.resolve_after = None
    payment.save(update_fields=["resolve_after"])


def capture_late(*, payment: Payment, locked: LockedReservation, payment_key: str) -> None:
    """Write down that money came for which the seats are gone.

    What follows in the same transaction is an offer of others, or `refund_late`.
    """
    require_transaction()
    payment.status = Payment.Status.LATE_CAPTURED
    payment.payment_key = (payment_key or payment.payment_key)[:PAYMENT_KEY_LENGTH]
    payment.failure_code = failures.PAID_TOO_LATE
    payment.resolve_after = None
    payment.save(update_fields=["status", "payment_key", "failure_code", "resolve_after"])
    show(payment, locked, PROCESSING, money=False)


def refund_late(*, payment: Payment, with_points: bool, now: datetime) -> list[NewEvent]:
    """Write the refund of all that a gateway captured too late, once.

    `with_points`: the points part has been with us until now, and goes back at once. Returns the
    events to record.
    """
    require_transaction()
    Refund.objects.create(
        id=uuid7(),
        payment=payment,
        status=Refund.Status.CREATED,
        reason=Refund.Reason.LATE_CAPTURE,
        amount=payment.gateway_money.amount,
        points_amount=0,
        currency=payment.currency,
        request_key=refund_key_of(payment, reason=Refund.Reason.LATE_CAPTURE),
        created_at=now,
        resolve_after=now,
    )
    return return_points(payment=payment, now=now) if with_points else []


def show(payment: Payment, locked: LockedReservation, status: str, *, money: bool) -> None:
    """Show the attempt on its reservation, unless a later or a paid one is shown there."""
    shown = locked.reservation.payment_id
    paid = locked.reservation.payment_status == PAID
    if shown not in {None, payment.pk} and (paid or shown > payment.pk):
        return
    reservations.set_payment(
        locked=locked, payment_id=payment.pk, payment_status=status, money_may_have_moved=money
    )
    locked.reservation.payment_id = payment.pk
