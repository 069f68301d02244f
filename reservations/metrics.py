"""Metrics of holds: counters, and the number of live ones (settings.METRIC_COLLECTORS)."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily, Metric

from kernel.telemetry import context
from reservations.models import Reservation

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
