"""The only row locks of this app: one performance, or one concert."""

from uuid import UUID

from concerts.errors import ConcertNotFound, PerformanceNotFound
from concerts.models import Concert, Performance
from kernel.db.transaction import require_transaction


def lock_performance(*, performance_id: UUID) -> Performance:
    """Lock and return a performance, public or not; raises `PerformanceNotFound`.

    Importing a layout, pricing a grade and freezing the layout all take this lock first, so a
    layout is never replaced while it is being put on sale.
    """
    require_transaction()
    row = (
        Performance.objects.select_for_update(no_key=True)
        .filter(pk=performance_id, deleted_at__isnull=True)
        .first()
    )
    if row is None:
        raise PerformanceNotFound
    return row


def lock_concert(*, concert_id: UUID) -> Concert:
    """Lock and return a concert, public or not; raises `ConcertNotFound`."""
    require_transaction()
    row = (
        Concert.objects.select_for_update(no_key=True)
        .filter(pk=concert_id, deleted_at__isnull=True)
        .first()
    )
    if row is None:
        raise ConcertNotFound
    return row
