"""What is written when something is sold: payments, and what they buy."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from events.operations import NewEvent
from kernel.db.inserts import insert_all
from kernel.db.integrity import constraints_explained
from kernel.db.transaction import require_transaction
from kernel.money import Money
from kernel.telemetry.context import Correlation
from payments import events, policy
from payments.models import LIVE_PAYMENT_UNIQUE, Payment
from payments.orders import order_id_of
from reservations import operations as reservations
from reservations.operations import Confirmation, LockedReservation
from reservations.usecases.holds import PaymentInProgress
from tickets import operations as tickets
from tickets.operations import SoldSeats


@dataclass(frozen=True, slots=True)
class NewPayment:
    """The attempt of a request to pay for a locked reservation, PAID if `paid_at` is given."""

    locked: LockedReservation
    payment_id: UUID
    request_key: str
    method: Payment.Method
    points: Money
    paid_at: datetime | None
    gateway: str = ""  # the name of the gateway that takes the rest, if one does


@dataclass(frozen=True, slots=True)
class PaidHold:
    """A locked hold, its PAID payment, and the request that paid it."""

    locked: LockedReservation
    payment: Payment
    correlation: Correlation | None = None


def open_payments(*, attempts: Sequence[NewPayment], now: datetime) -> list[Payment]:
    """Insert the one live payment of each locked reservation: one statement.

    One that will be paid later opens the payment window of its reservation, which opens once:
    after the commit the caller publishes the change. Raises PaymentInProgress, and IntegrityError
    where a request has a payment already; either must end the transaction.
    """
    require_transaction()
    for attempt in attempts:
        if attempt.paid_at is None:
            reservations.open_payment_window(
                locked=attempt.locked,
                payment_seconds=attempt.locked.rules.payment_seconds,
                now=now,
            )
    payments = [_row(attempt, now) for attempt in attempts]
    with constraints_explained({LIVE_PAYMENT_UNIQUE: PaymentInProgress}):
        insert_all(payments)
    return payments


def _row(attempt: NewPayment, now: datetime) -> Payment:
    reservation = attempt.locked.reservation
    return Payment(
        id=attempt.payment_id,
        reservation=reservation,
        user_id=reservation.user_id,
        method=attempt.method,
        status=Payment.Status.PAID if attempt.paid_at else Payment.Status.CREATED,
        amount=reservation.amount,
        points_amount=attempt.points.amount,
        currency=reservation.currency,
        request_key=attempt.request_key,
        created_at=now,
        paid_at=attempt.paid_at,
        **_order(attempt, now),
    )


def _order(attempt: NewPayment, now: datetime) -> dict[str, Any]:
    if not attempt.gateway:
        return {}
    order_id = order_id_of("pay", request_key=attempt.request_key, row_id=attempt.payment_id)
    look_up = policy.next_look_up(tries=0, now=now)
    return {"gateway": attempt.gateway, "order_id": order_id, "resolve_after": look_up}


def complete(*, paid: Sequence[PaidHold], now: datetime) -> list[NewEvent]:
    """Hand over what PAID payments bought: mark the seats as sold and issue the tickets.

    Two statements. Returns `payment.paid` and `reservation.confirmed` of each for the caller to
    record.
    """
    require_transaction()
    confirmed = reservations.confirm(
        confirmations=[
            Confirmation(one.locked, one.payment.pk, one.payment.status, one.correlation)
            for one in paid
        ],
        now=now,
    )
    tickets.issue(sales=[_sold_seats(one) for one in paid], now=now)
    return [events.paid(one.payment, correlation=one.correlation) for one in paid] + confirmed


def _sold_seats(paid: PaidHold) -> SoldSeats:
    reservation = paid.locked.reservation
    return SoldSeats(
        reservation.pk, reservation.user_id, reservation.performance_id, paid.locked.seat_ids
    )
