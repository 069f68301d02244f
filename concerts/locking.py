"""The only locks of this app: schedules, posters, performances by id, or one concert."""

from collections.abc import Collection
from uuid import UUID

from concerts.errors import ConcertNotFound, PerformanceNotFound
from concerts.models import Concert, Performance
from kernel.db.advisory import lock_for_transaction
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


def lock_schedules() -> None:
    """Let one save of venues, concerts and performances go on at a time, before every other lock.

    What it changes is spread over three tables, and it must know all that hangs on it: a venue's
    zone is the zone of each performance of each of its concerts.
    """
    lock_for_transaction("concerts.schedules")


def lock_posters() -> None:
    """Let one change of posters go on at a time, before the lock of its concert.

    The same picture may be uploaded while its files are being deleted (Note [Files before rows]).
    """
    lock_for_transaction("concerts.posters")


def lock_performances(*, performance_ids: Collection[UUID]) -> list[Performance]:
    """Lock performances by id and return them with concert and venue, which aren't locked.

    Raises `PerformanceNotFound` where one is missing.
    """
    require_transaction()
    rows = list(
        Performance.objects.select_for_update(no_key=True, of=("self",))
        .select_related("concert__venue")
        .filter(pk__in=performance_ids, deleted_at__isnull=True)
        .order_by("pk")
    )
    if len(rows) != len(set(performance_ids)):
        raise PerformanceNotFound
    return rows


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
