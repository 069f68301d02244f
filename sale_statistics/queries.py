"""Reads of the figures, from the replica: nothing is decided by them."""

from typing import TypeVar

from django.db.models import Model, QuerySet

from kernel.db.replica import stale_reads

M = TypeVar("M", bound=Model)


def from_replica(rows: QuerySet[M]) -> QuerySet[M]:
    """Return the same rows read from the replica; from the primary while that is too far behind."""
    with stale_reads() as alias:
        return rows.using(alias)
