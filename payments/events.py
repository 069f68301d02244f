"""The events of payments (docs/events/payment.*.json)."""

from events import topics
from events.operations import NewEvent
from kernel.telemetry.context import Correlation
from payments.models import Payment

TOPIC = topics.PAYMENTS
SOURCE = "/frontrow/payments"


def paid(payment: Payment, *, correlation: Correlation | None = None) -> NewEvent:
    """Return the event of a reservation that is paid in full (reads `reservation`)."""
    return NewEvent(
        topic=TOPIC,
        type="payment.paid",
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
        },
        correlation=correlation,
    )
