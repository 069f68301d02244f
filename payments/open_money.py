"""State metrics of money whose end is open, for settings.METRIC_COLLECTORS."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from payments.open_queries import oldest_open


def unsettled(*, now: datetime) -> Iterable[Metric]:
    """Yield for how many seconds the oldest unknown payment and late capture have been open."""
    oldest = oldest_open(now=now)
    yield GaugeMetricFamily(
        "frontrow_unknown_payments_oldest_seconds",
        "How long the oldest payment or charge of unknown outcome has been open",
        value=_age(oldest.unknown, now),
    )
    yield GaugeMetricFamily(
        "frontrow_late_captures_oldest_seconds",
        "How long late money has been neither given back nor covered by an offer",
        value=_age(oldest.late, now),
    )


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
