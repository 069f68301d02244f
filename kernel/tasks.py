"""Periodic tasks that belong to no app: partitions."""

from celery import shared_task
from django.conf import settings

from kernel import clock
from kernel.db.partitions import ensure_partitions
from kernel.db.primary_time import no_later_than_primary
from kernel.db.retention import purge
from kernel.workers import mail  # noqa: F401  (its task is found here)


@shared_task(name="kernel.partitions", ignore_result=True)
def extend_partitions() -> None:
    """Keep every partitioned table two years ahead."""
    for table in settings.PARTITIONED_TABLES:
        ensure_partitions(table, now=clock.now())


@shared_task(name="kernel.purge_partitions", ignore_result=True)
def purge_partitions() -> None:
    """Drop the partitions that have served their time."""
    now = no_later_than_primary(clock.now())
    for table, retention in settings.PARTITION_RETENTION.items():
        purge(table, retention, now=now)
