"""When queues open: for who counts pods, and who asks whether a release may begin."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from concerts.models import Performance, is_public_performance
from queueing.models import QueueConfig


def rooms(*, after: datetime, until: datetime, limit: int) -> list[QueueConfig]:
    """Return the public rooms whose queue opens after `after` and by `until`, the first ones first.

    Those of cancelled performances are not among them.
    """
    return list(_opening(after, until)[:limit])


def times(*, after: datetime, until: datetime) -> list[tuple[UUID, datetime]]:
    """Return performance and opening of the same rooms; reads nothing but these two columns."""
    return list(_opening(after, until).values_list("performance_id", "queue_opens_at"))


def _opening(after: datetime, until: datetime) -> QuerySet[QueueConfig]:
    ahead = QueueConfig.objects.filter(queue_opens_at__gt=after, queue_opens_at__lte=until)
    cancelled = Q(performance__status=Performance.Status.CANCELLED)
    return (
        ahead.filter(is_public_performance("performance__"))
        .exclude(cancelled)
        .order_by("queue_opens_at")
    )
