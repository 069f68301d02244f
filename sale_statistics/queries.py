"""Reads of the figures, from the replica: nothing is decided by them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

from kernel.db.replica import stale_reads
from sale_statistics.models import HourlySales

M = TypeVar("M", bound=Model)


def from_replica(rows: QuerySet[M]) -> QuerySet[M]:
    """Return the same rows read from the replica; from the primary while that is too far behind."""
    with stale_reads() as alias:
        return rows.using(alias)


@dataclass(frozen=True, slots=True)
class HourOfSales:
    """What a performance sold in the hour from `hour` on; `amount` in minor units."""

    hour: datetime
    held: int
    reservations: int
    seats: int
    amount: int


def hours_of(*, performance_id: UUID, since: datetime) -> list[HourOfSales]:
    """Return the hours of a performance from `since` on in which something was held or sold."""
    rows = HourlySales.objects.filter(performance_id=performance_id, hour__gte=since)
    fields = ("hour", "held", "reservations", "seats", "amount")
    return [HourOfSales(*row) for row in from_replica(rows).order_by("hour").values_list(*fields)]
