"""Metrics of holds: counters, and the number of live ones (settings.METRIC_COLLECTORS)."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily, Metric

from kernel.db.replica import stale_reads
from kernel.telemetry import context
from queueing.queries import busiest_rooms
from reservations.models import Reservation
from reservations.queries.seats import state_counts

# Those with the largest crowds: each costs a read of all its seats.
WATCHED_SALES = 5

holds = Counter("frontrow_holds_total", "Attempts to hold seats, by outcome", ["outcome"])
expired = Counter(
    "frontrow_holds_expired_total", "Holds whose time passed, by who noticed", ["noticed_by"]
)
confirmed = Counter("frontrow_reservations_confirmed_total", "Holds that became sales")
claims_rebuilt = Counter(
    "frontrow_seat_claims_rebuilt_total", "Claims written from PostgreSQL to a cold lock server"
)
extended = Counter("frontrow_holds_extended_total", "Holds made longer by their owner")
gone_alone = Counter(
    "frontrow_holds_gone_alone_total", "Holds of a batch that were placed in their own transaction"
)
released = Counter("frontrow_holds_released_total", "Holds given up by their owner")
cancelled = Counter(
    "frontrow_seats_cancelled_total", "Bought seats that were given up, by reason", ["reason"]
)


def count_hold(outcome: str) -> None:
    """Count an attempt to hold seats, and put its outcome on the request's access line."""
    holds.labels(outcome).inc()
    context.annotate("hold_outcome", outcome)


def live_holds(*, now: datetime) -> Iterable[Metric]:
    """Yield the holds alive at `now`, by the partial index over pending ones."""
    alive = Reservation.objects.filter(
        status=Reservation.Status.PENDING, expires_at__gt=now
    ).count()
    yield GaugeMetricFamily("frontrow_holds_live", "Holds whose time runs", value=alive)


def seats(*, now: datetime) -> Iterable[Metric]:
    """Yield the seats of the sales with the largest crowds by what became of them at `now`."""
    watched = [one.performance_id for one in busiest_rooms(now=now, limit=WATCHED_SALES)]
    counts = GaugeMetricFamily(
        "frontrow_seats", "Seats of a sale, by state", labels=["performance", "state"]
    )
    with stale_reads():
        for performance, states in state_counts(performance_ids=watched, now=now).items():
            for state, count in states.items():
                counts.add_metric([str(performance), state], count)
    yield counts
