"""Metrics of letters: what became of them, and what waits (for settings.METRIC_COLLECTORS)."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily, Metric

from notifications import queries

letters = Counter("frontrow_notifications_total", "Attempts to send a letter", ["kind", "outcome"])


def waiting(*, now: datetime) -> Iterable[Metric]:
    """Yield how many letters wait, and for how long one has been overdue, in seconds."""
    state = queries.state(now=now)
    yield GaugeMetricFamily(
        "frontrow_notifications_waiting", "Letters to send", value=state.waiting
    )
    yield GaugeMetricFamily(
        "frontrow_notifications_overdue_seconds",
        "How long the letter to send next has been due",
        value=state.overdue_seconds,
    )
