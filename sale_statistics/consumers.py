"""The consumer group `statistics`: events of reservations and points become figures."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from events import topics
from events.consumers import Consumer, Event
from sale_statistics import operations
from sale_statistics.operations import PointsKey, PointsTally, SalesKey, SalesTally


def count_one(event: Event, *, now: datetime) -> None:
    """Count an event in the hour it happened, however late it arrives."""
    count(events=[event], now=now)


def count(events: Sequence[Event], *, now: datetime) -> None:
    """Count events in the hours they happened, with two statements for any number."""
    sales: defaultdict[SalesKey, SalesTally] = defaultdict(SalesTally)
    points: defaultdict[PointsKey, PointsTally] = defaultdict(PointsTally)
    for event in events:
        if event.type.startswith("points."):
            _count_points(event, points)
        else:
            _count_sale(event, sales)
    operations.add_sales(sales)
    operations.add_points(points)


def _count_sale(event: Event, sales: defaultdict[SalesKey, SalesTally]) -> None:
    money = event.data["amount"]
    seats = len(event.data["seats"])
    tally = sales[UUID(event.data["performance_id"]), _hour_of(event), str(money["currency"])]
    if event.type == "reservation.held":
        tally.held += 1
    else:
        tally.reservations += 1
        tally.seats += seats
        tally.amount += int(money["amount"])


def _count_points(event: Event, points: defaultdict[PointsKey, PointsTally]) -> None:
    money = event.data["amount"]
    tally = points[_hour_of(event), str(money["currency"])]
    if event.type == "points.charged":
        tally.charges += 1
        tally.charged += int(money["amount"])
    else:
        tally.payments += 1
        tally.spent += int(money["amount"])


def _hour_of(event: Event) -> datetime:
    return event.time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


statistics = Consumer(
    group="statistics",
    topics=(topics.RESERVATIONS, topics.POINTS),
    types=frozenset(
        {"reservation.held", "reservation.confirmed", "points.charged", "points.spent"}
    ),
    handle=count_one,
    handle_many=count,
)
