"""Metrics of the outbox and the consumers' freeze, for settings.METRIC_COLLECTORS."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from events import queries


def outbox(*, now: datetime) -> Iterable[Metric]:
    """Yield backlog, age of the oldest unpublished event in seconds, and dead letters."""
    state = queries.outbox_state(now=now)
    yield GaugeMetricFamily("frontrow_outbox_backlog", "Events to publish", value=state.backlog)
    yield GaugeMetricFamily(
        "frontrow_outbox_age_seconds", "Age of the oldest event to publish", value=state.age_seconds
    )
    yield GaugeMetricFamily("frontrow_outbox_dead", "Events set aside", value=state.dead)


def freeze(*, now: datetime) -> Iterable[Metric]:
    """Yield whether a freeze of the consumers is in force."""
    row = queries.freeze_in_force()
    yield GaugeMetricFamily(
        "frontrow_consumers_frozen", "1 while a freeze is in force", value=row is not None
    )
