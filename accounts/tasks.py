"""Upkeep."""

from celery import shared_task

from accounts.models import Session
from kernel import clock
from kernel.db.primary_time import no_later_than_primary


@shared_task(name="accounts.purge_sessions", ignore_result=True)
def purge_sessions() -> int:
    """Delete sessions whose time has passed, a bounded number a run."""
    expired = Session.objects.filter(expire_date__lt=no_later_than_primary(clock.now())).order_by(
        "expire_date"
    )
    keys = expired.values_list("pk", flat=True)[:10_000]
    return Session.objects.filter(pk__in=list(keys)).delete()[0]
