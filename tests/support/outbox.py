"""Record events the way use cases do, and relay them."""

from datetime import datetime
from uuid import UUID

from events import kafka, relay, topics
from events.operations import NewEvent, record
from kernel import clock
from kernel.db.dedicated import dedicated_connection
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from tests.support.event_schemas import SampleEvent

TOPIC = topics.POINTS


def new_event(aggregate_id: UUID | None = None, **data: object) -> NewEvent:
    return SampleEvent(
        topic=TOPIC,
        type="points.spent",
        source="/frontrow/points",
        aggregate_id=aggregate_id or uuid7(),
        data=data,
    )


def write(*events: NewEvent, now: datetime | None = None) -> list[UUID]:
    """Commit the events in one transaction."""
    with transaction():
        return record(events=events, now=now or clock.now())


def sale_confirmed(
    performance_id: UUID, *, seats: int = 2, price: int = 1000, user_id: UUID | None = None
) -> NewEvent:
    """Return a `reservation.confirmed` as consumers of sales meet it."""
    money = {"amount": price, "currency": "KRW"}
    reservation_id = uuid7()
    return NewEvent(
        topic=topics.RESERVATIONS,
        type="reservation.confirmed",
        source="/frontrow/reservations",
        aggregate_id=reservation_id,
        data={
            "reservation_id": reservation_id,
            "performance_id": performance_id,
            "user_id": user_id or uuid7(),
            "seats": [
                {"seat_id": uuid7(), "section": "A", "row": "1", "number": str(n), "price": money}
                for n in range(seats)
            ],
            "amount": {"amount": price * seats, "currency": "KRW"},
            "expires_at": None,
            "reason": None,
        },
    )


def relay_all(publisher: kafka.Publisher = kafka.publisher) -> int:
    """Publish until the outbox is empty; return how many."""
    total = 0
    with dedicated_connection(application="test-relay") as connection:
        while count := relay.publish_once(connection, publisher):
            total += count
    return total
