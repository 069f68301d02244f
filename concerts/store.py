"""Which cached answers a change here makes old (Note [Cached documents]).

The documents belong to `catalogue`, which lies above; the names of what they depend on belong
here, so that a write can say "this is old" without knowing who reads it. Apps in between
(reservations, queueing) call `catalogue_changed` after changing windows, states or halts.

Note [Invalidations kept]
Concert documents live for two seconds, seat maps for an hour: one whose invalidation was lost, with
the cache server out of reach or the process dead right after the commit, would show the old
layout, or a draft, for that long. So the change writes down whose map it makes old, in its own
transaction, and a tick repeats the invalidation until the cache server has taken it.
"""

from collections.abc import Iterable
from uuid import UUID

from concerts.models import StaleDocument
from kernel.caching.shared import invalidate, invalidate_after_commit

CATALOGUE = "catalogue"
AT_ONCE = 500


def layout_dependency(performance_id: UUID) -> str:
    """Return the name of what a performance's seat map depends on."""
    return f"layout:{performance_id}"


def catalogue_changed() -> None:
    """Make every concert and performance document old once the open transaction commits."""
    invalidate_after_commit(CATALOGUE)


def layouts_changed(*, performance_ids: Iterable[UUID]) -> None:
    """Make these seat maps, and every concert document, old once the transaction commits."""
    names = [layout_dependency(performance_id) for performance_id in performance_ids]
    StaleDocument.objects.bulk_create(StaleDocument(name=name) for name in names)
    invalidate_after_commit(CATALOGUE, *names)


def repeat_invalidations() -> int:
    """Repeat what was written down, and forget it once the cache server knows; return how many.

    Rows that commit meanwhile wait for the next call: only those read here are forgotten.
    """
    rows = dict(StaleDocument.objects.values_list("pk", "name")[:AT_ONCE])
    if not rows or not invalidate(*set(rows.values())):
        return 0
    StaleDocument.objects.filter(pk__in=rows).delete()
    return len(rows)
