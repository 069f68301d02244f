"""Which cached answers a change here makes old (Note [Cached documents]).

The documents belong to `catalogue`, which lies above; the names of what they depend on belong
here, so that a write can say "this is old" without knowing who reads it. Apps in between
(reservations, queueing) call `catalogue_changed` after changing windows, states or halts.
"""

from collections.abc import Iterable
from uuid import UUID

from kernel.redis.cached import invalidate_after_commit

CATALOGUE = "catalogue"


def layout_dependency(performance_id: UUID) -> str:
    """Return the name of what a performance's seat map depends on."""
    return f"layout:{performance_id}"


def catalogue_changed() -> None:
    """Make every concert and performance document old once the open transaction commits."""
    invalidate_after_commit(CATALOGUE)


def layouts_changed(*, performance_ids: Iterable[UUID]) -> None:
    """Make these seat maps, and every concert document, old once the transaction commits."""
    invalidate_after_commit(CATALOGUE, *map(layout_dependency, performance_ids))
