"""The events of payments (docs/events/payment.*.json)."""

from uuid import UUID

from events import topics
from events.operations import NewEvent
from payments.models import Payment

TOPIC = topics.PAYMENTS
SOURCE = "/frontrow/payments"


def paid(payment: Payment, *, performance_id: UUID) -> NewEvent:
    """Return the event of a reservation that is paid in full."""
    return NewEvent(
        topic=TOPIC,
        type="payment.paid",
        source=SOURCE,
        aggregate_id=payment.pk,
        data={
            "payment_id": str(payment.pk),
            "reservation_id": str(payment.reservation_id),
            "performance_id": str(performance_id),
            "user_id": str(payment.user_id),
            "method": payment.method,
            "amount": payment.money.as_json(),
            "points_amount": payment.points.as_json(),
        },
    )
