"""The events of payments (docs/events/payment.*.json)."""

from collections.abc import Sequence
from typing import Any

from events import topics
from events.operations import NewEvent
from kernel import clock
from kernel.telemetry.context import Correlation
from payments.models import Offer, Payment, Refund
from reservations.events import PricedSeat

TOPIC = topics.PAYMENTS
SOURCE = "/frontrow/payments"


def paid(payment: Payment, *, correlation: Correlation | None = None) -> NewEvent:
    """Return the event of a reservation that is paid in full (reads `reservation`)."""
    return _event("payment.paid", payment, correlation=correlation)


def failed(payment: Payment) -> NewEvent:
    """Return the event of an attempt that ended without money (reads `reservation`)."""
    return _event("payment.failed", payment, failure_code=payment.failure_code)


def offered(payment: Payment, offer: Offer, seats: Sequence[PricedSeat]) -> NewEvent:
    """Return the event of other seats that are held for late money (reads `reservation`)."""
    return _event(
        "payment.offered",
        payment,
        offered_reservation_id=str(offer.reservation_id),
        seats=[seat.as_json() for seat in seats],
        until=clock.as_text(offer.until),
    )


def refunded(refund: Refund) -> NewEvent:
    """Return the event of money that is back with the fan (reads the payment's `reservation`)."""
    return _event(
        "payment.refunded",
        refund.payment,
        amount=refund.money.as_json(),
        points_amount=refund.points.as_json(),
        refund_id=str(refund.pk),
        reason=refund.reason,
    )


def _event(
    name: str, payment: Payment, *, correlation: Correlation | None = None, **more: Any
) -> NewEvent:
    return NewEvent(
        topic=TOPIC,
        type=name,
        source=SOURCE,
        aggregate_id=payment.pk,
        data={
            "payment_id": str(payment.pk),
            "reservation_id": str(payment.reservation_id),
            "performance_id": str(payment.reservation.performance_id),
            "user_id": str(payment.user_id),
            "method": payment.method,
            "amount": payment.money.as_json(),
            "points_amount": payment.points.as_json(),
            **more,
        },
        correlation=correlation,
    )
