"""The periodic task of the door: the retention of refused scans."""

from celery import shared_task

from kernel import clock
from tickets.usecases import upkeep


@shared_task(name="tickets.purge_refused_scans", ignore_result=True)
def purge_refused_scans() -> int:
    """Delete refused scans past their retention, a bounded number a run."""
    return upkeep.purge_refused_scans(now=clock.now())
