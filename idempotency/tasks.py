"""The Celery task that deletes expired records."""

import logging

from celery import shared_task

from idempotency.usecases import leases
from kernel import clock
from kernel.db.primary_time import no_later_than_primary

log = logging.getLogger(__name__)


@shared_task(name="idempotency.purge", ignore_result=True)
def purge() -> None:
    """Delete expired records, bounded; the next tick does the rest."""
    deleted = leases.purge(now=no_later_than_primary(clock.now()))
    if deleted:
        log.info("idempotency records purged", extra={"count": deleted})
