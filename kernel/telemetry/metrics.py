"""State metrics of the kernel: the replica's lag and the lengths of Celery's queues."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db import connections
from prometheus_client.core import GaugeMetricFamily, Metric

from kernel.db.replica import REPLICA
from kernel.telemetry.dependencies import broker_client, replica_lag_seconds


def replica_lag(*, now: datetime) -> Iterable[Metric]:
    """Yield the replica's lag in seconds; NaN when it isn't streaming."""
    if REPLICA not in connections.settings:
        return
    lag = replica_lag_seconds()
    yield GaugeMetricFamily(
        "frontrow_replica_lag_seconds",
        "How old what the replica shows is; zero where it has all that the primary wrote",
        value=float("nan") if lag is None else lag,
    )


def celery_queues(*, now: datetime) -> Iterable[Metric]:
    """Yield how many tasks wait in each queue of the broker."""
    family = GaugeMetricFamily("frontrow_celery_queue_length", "Tasks waiting", labels=["queue"])
    with broker_client().pipeline(transaction=False) as pipeline:
        for name in settings.WORKER_QUEUES:
            pipeline.llen(name)
        for name, length in zip(settings.WORKER_QUEUES, pipeline.execute(), strict=True):
            family.add_metric([name], length)
    yield family
