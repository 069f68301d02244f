"""The writes of payments and charges; each requires an open transaction and its locks."""

from datetime import datetime
from uuid import UUID

from events.operations import NewEvent
from kernel.db.integrity import constraints_explained
from kernel.db.transaction import require_transaction
from kernel.money import Money
from payments import events
from payments.models import LIVE_PAYMENT_UNIQUE, Charge, Payment
from reservations import operations as reservations
from reservations.operations import LockedReservation
from reservations.usecases.holds import PaymentInProgress
from tickets import operations as tickets


def open_payment(
    *,
    locked: LockedReservation,
    payment_id: UUID,
    request_key: str,
    method: Payment.Method,
    points: Money,
    paid_at: datetime | None,
    now: datetime,
) -> Payment:
    """Insert the one live payment of a locked reservation, PAID if `paid_at` is given.

    One that will be paid later opens the payment window of the reservation, which opens once:
    after the commit the caller publishes the change. Raises PaymentInProgress, and IntegrityError
    where the request has a payment already; either must end the transaction.
    """
    require_transaction()
    reservation = locked.reservation
    if paid_at is None:
        reservations.open_payment_window(
            locked=locked, payment_seconds=locked.rules.payment_seconds, now=now
        )
    with constraints_explained({LIVE_PAYMENT_UNIQUE: PaymentInProgress}):
        return Payment.objects.create(
            id=payment_id,
            reservation_id=reservation.pk,
            user_id=reservation.user_id,
            method=method,
            status=Payment.Status.PAID if paid_at else Payment.Status.CREATED,
            amount=reservation.amount,
            points_amount=points.amount,
            currency=reservation.currency,
            request_key=request_key,
            created_at=now,
            paid_at=paid_at,
        )


def complete(*, locked: LockedReservation, payment: Payment, now: datetime) -> list[NewEvent]:
    """Hand over what a PAID payment bought: mark the seats as sold and issue the tickets.

    Returns `payment.paid` and `reservation.confirmed` for the caller to record.
    """
    require_transaction()
    confirmed = reservations.confirm(
        locked=locked, payment_id=payment.pk, payment_status=payment.status, now=now
    )
    performance_id = locked.reservation.performance_id
    tickets.issue(
        reservation_id=payment.reservation_id,
        user_id=payment.user_id,
        performance_id=performance_id,
        seat_ids=locked.seat_ids,
        now=now,
    )
    return [events.paid(payment, performance_id=performance_id), confirmed]


def open_charge(
    *, charge_id: UUID, user_id: UUID, amount: Money, request_key: str, now: datetime
) -> Charge:
    """Insert a charge that is paid already; IntegrityError where the request has one."""
    require_transaction()
    return Charge.objects.create(
        id=charge_id,
        user_id=user_id,
        status=Charge.Status.PAID,
        amount=amount.amount,
        currency=amount.currency,
        request_key=request_key,
        created_at=now,
        paid_at=now,
    )
