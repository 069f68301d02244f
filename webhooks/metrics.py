"""Metrics of webhooks: what became of tries, and what waits (for settings.METRIC_COLLECTORS)."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

from webhooks import queries

tries = Counter("frontrow_webhook_tries_total", "Tries to deliver a webhook", ["outcome"])
seconds = Histogram(
    "frontrow_webhook_try_seconds",
    "How long a try took",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20),
)
given_up = Counter(
    "frontrow_webhook_given_up_total", "Deliveries given up because nothing could be tried"
)


def waiting(*, now: datetime) -> Iterable[Metric]:
    """Yield what waits, for how long that to a working endpoint is overdue, and the endpoints."""
    state = queries.state(now=now)
    yield GaugeMetricFamily(
        "frontrow_webhook_deliveries_waiting", "Deliveries to try", value=state.waiting
    )
    yield GaugeMetricFamily(
        "frontrow_webhook_overdue_seconds",
        "How long the next delivery to an endpoint that works has been due",
        value=state.overdue_seconds,
    )
    endpoints = GaugeMetricFamily(
        "frontrow_webhook_endpoints", "Endpoints by how they stand", labels=["state"]
    )
    endpoints.add_metric(["working"], state.working)
    endpoints.add_metric(["failing"], state.failing)
    endpoints.add_metric(["disabled"], state.disabled)
    yield endpoints
