"""What the sales that run have brought in, for settings.METRIC_COLLECTORS."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Sum
from prometheus_client.core import GaugeMetricFamily, Metric

from queueing.queries import busiest_rooms
from reservations.metrics import WATCHED_SALES
from sale_statistics.models import HourlySales
from sale_statistics.queries import from_replica


def revenue(*, now: datetime) -> Iterable[Metric]:
    """Yield what was sold by performance, in minor units: one row an hour is read of each.

    Sales as they were counted from events; what was given back later is not taken off.
    """
    sold = GaugeMetricFamily(
        "frontrow_revenue",
        "What was sold, in minor units, before refunds",
        labels=["performance", "currency"],
    )
    watched = [one.performance_id for one in busiest_rooms(now=now, limit=WATCHED_SALES)]
    rows = from_replica(HourlySales.objects.filter(performance_id__in=watched))
    for performance, currency, amount in (
        rows.values("performance_id", "currency")
        .annotate(sold=Sum("amount"))
        .values_list("performance_id", "currency", "sold")
    ):
        sold.add_metric([str(performance), currency], amount)
    yield sold
