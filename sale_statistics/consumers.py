"""The consumer group `statistics`: reservation events become sales figures."""

from datetime import datetime
from uuid import UUID

from events import topics
from events.consumers import Consumer, Event
from kernel.money import Money
from sale_statistics import operations


def count_sale(event: Event, *, now: datetime) -> None:
    """Count a confirmed reservation in the hour of its confirmation, however late it arrives."""
    amount = event.data["amount"]
    operations.add_sale(
        performance_id=UUID(event.data["performance_id"]),
        at=event.time,
        seats=len(event.data["seats"]),
        amount=Money(amount["amount"], amount["currency"]),
    )


statistics = Consumer(
    group="statistics",
    topics=(topics.RESERVATIONS,),
    types=frozenset({"reservation.confirmed"}),
    handle=count_sale,
)
