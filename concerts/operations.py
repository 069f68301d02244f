"""Writes of this app; each requires an open transaction."""

from datetime import datetime
from uuid import UUID

from concerts import locking, store
from concerts.errors import LayoutEmpty
from concerts.models import Performance, Seat
from kernel.db.transaction import require_transaction


def freeze_layout(*, performance_id: UUID, now: datetime) -> Performance:
    """Lock the performance and fix its seats and prices for good; return the locked row.

    Called by whoever puts it on sale, before the inventory is made. Repeating it is harmless.
    Raises `PerformanceNotFound`, `LayoutEmpty`.
    """
    performance = locking.lock_performance(performance_id=performance_id)
    if performance.layout_frozen_at is not None:
        return performance
    if not Seat.objects.filter(performance=performance).exists():
        raise LayoutEmpty
    performance.layout_frozen_at = now
    performance.save(update_fields=["layout_frozen_at"])
    store.layouts_changed(performance_ids=[performance.pk])
    return performance


def change_status(*, performance_id: UUID, status: Performance.Status) -> Performance.Status:
    """Set whether the evening takes place; return the status before."""
    require_transaction()
    performance = locking.lock_performance(performance_id=performance_id)
    before = Performance.Status(performance.status)
    performance.status = status
    performance.save(update_fields=["status"])
    store.catalogue_changed()
    return before
