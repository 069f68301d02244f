"""The use case of upkeep: delete refused scans past their retention."""

from datetime import datetime, timedelta

from django.conf import settings

from kernel.db.primary_time import no_later_than_primary
from kernel.db.transaction import transaction
from tickets import operations

_AT_A_TIME = 1_000
_RUNS = 20


def purge_refused_scans(*, now: datetime) -> int:
    """Delete refused scans past their retention, at most 20,000; return how many."""
    now = no_later_than_primary(now)  # Note [One clock] in kernel/clock.py
    before, purged = now - timedelta(days=settings.REFUSED_SCAN_RETENTION_DAYS), 0
    for _ in range(_RUNS):
        with transaction():
            deleted = operations.delete_refused(before=before, limit=_AT_A_TIME)
        purged += deleted
        if deleted < _AT_A_TIME:
            break
    return purged
