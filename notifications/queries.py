"""Reads for letters, from the primary: a letter says what is true when it is sent."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from concerts.models import Performance
from notifications.models import Notification

COUNTED_TO = 10_000

_STATE = """
    SELECT (SELECT count(*) FROM (SELECT FROM notifications_notification
                                   WHERE status = 'WAITING' LIMIT %s) AS waiting),
           (SELECT least((SELECT min(due_at) FROM notifications_notification
                           WHERE status = 'WAITING'),
                         (SELECT min(created_at) FROM notifications_mailing
                           WHERE finished_at IS NULL)))
"""


@dataclass(frozen=True, slots=True)
class LetterState:
    """How many letters wait (counted up to `COUNTED_TO`), and how long one has been overdue.

    A mailing that is not written to its end is overdue since it began.
    """

    waiting: int
    overdue_seconds: float


def performance_of(performance_id: UUID) -> Performance:
    """Return a performance with its concert and venue, published or not."""
    return Performance.objects.select_related("concert__venue").get(pk=performance_id)


def state(*, now: datetime) -> LetterState:
    """Return how the sending of letters stands at `now`."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [COUNTED_TO])
        waiting, due_at = cursor.fetchone()
    overdue = (now - due_at).total_seconds() if due_at else 0.0
    return LetterState(waiting, max(0.0, overdue))


def letters_of(*, user_id: UUID, limit: int) -> list[Notification]:
    """Return a fan's letters, the latest first."""
    return list(Notification.objects.filter(user_id=user_id).order_by("-created_at")[:limit])
