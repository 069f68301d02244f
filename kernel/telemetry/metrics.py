"""State metrics of the kernel: the replica, partitions, Celery's queues and beat."""

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from django.conf import settings
from django.db import connections
from prometheus_client.core import GaugeMetricFamily, Metric

from kernel.db.partitions import months_covered
from kernel.db.replica import REPLICA
from kernel.telemetry.dependencies import broker_client, replica_lag_seconds
from kernel.telemetry.tasks import BEAT_KEY

# Of the tasks that workers hold: more than all of them have threads and take ahead.
_HELD = 200


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


def partitions(*, now: datetime) -> Iterable[Metric]:
    """Yield for how many months ahead each partitioned table has room."""
    family = GaugeMetricFamily(
        "frontrow_partitions_months_ahead", "Months that have a partition", labels=["table"]
    )
    for table in settings.PARTITIONED_TABLES:
        family.add_metric([table], months_covered(table, now=now))
    yield family


def celery_tasks(*, now: datetime) -> Iterable[Metric]:
    """Yield how long ago the oldest task of each queue was sent that no worker has finished.

    The length of a queue says nothing of those that workers have taken ahead, or hang in: they are
    looked for among what the broker has given out and got no confirmation of.
    """
    with broker_client().pipeline(transaction=False) as pipeline:
        for name in settings.WORKER_QUEUES:
            pipeline.lindex(name, -1)  # the next one to be taken
        pipeline.zrange("unacked_index", 0, _HELD - 1)
        *waiting, held = pipeline.execute()
    messages = list(zip(settings.WORKER_QUEUES, waiting, strict=True))
    for given_out in broker_client().hmget("unacked", held) if held else []:
        if given_out is None:  # confirmed meanwhile
            continue
        with suppress(TypeError, ValueError):
            message, _, queue = json.loads(given_out)
            messages.append((queue, message))
    family = GaugeMetricFamily(
        "frontrow_celery_oldest_task_seconds",
        "Since the oldest unfinished task was sent",
        labels=["queue"],
    )
    ages = dict.fromkeys(settings.WORKER_QUEUES, 0.0)
    for queue, message in messages:
        if queue in ages:
            ages[queue] = max(ages[queue], now.timestamp() - _sent_at(message, now))
    for queue, seconds in ages.items():
        family.add_metric([queue], seconds)
    yield family


def _sent_at(message: object, now: datetime) -> float:
    """Return when a task was sent, now where it doesn't say."""
    with suppress(TypeError, ValueError, KeyError):
        tree = json.loads(message) if isinstance(message, str | bytes) else message
        return float(tree["headers"]["sent_at"])  # type: ignore[index]
    return now.timestamp()


def beat(*, now: datetime) -> Iterable[Metric]:
    """Yield when beat sent a task last; nothing before it ever has."""
    found = broker_client().get(BEAT_KEY)
    if found is not None:
        yield GaugeMetricFamily(
            "frontrow_beat_tick_timestamp_seconds",
            "When beat sent a task last",
            value=float(found),
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
