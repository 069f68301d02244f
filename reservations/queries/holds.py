"""What holds are decided and tidied by."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from kernel.ids import first_uuid7_at
from reservations.models import Reservation

# Far more than clocks differ: it only keeps the planner from looking at every month.
_MARGIN = timedelta(days=31)


def seats_of_fan(*, user_id: UUID, performance_id: UUID, since: datetime, now: datetime) -> int:
    """Count the fan's live held and bought seats of a performance put on sale at `since`.

    The number only counts under `locking.lock_fan`. The bounds on the key, a UUIDv7, prune the
    months before the sale and those made ahead: planning took longer than the count itself.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*)
            FROM reservations_reservation reservation
            JOIN reservations_reservationseat held ON held.reservation_id = reservation.id
            WHERE reservation.user_id = %(user)s AND reservation.performance_id = %(performance)s
              AND reservation.id BETWEEN %(first)s AND %(last)s
              AND held.cancelled_at IS NULL
              AND (reservation.status = 'CONFIRMED'
                   OR (reservation.status = 'PENDING' AND reservation.expires_at > %(now)s))
            """,
            {
                "user": user_id,
                "performance": performance_id,
                "first": first_uuid7_at(since - _MARGIN),
                "last": first_uuid7_at(now + _MARGIN),
                "now": now,
            },
        )
        return int(cursor.fetchone()[0])


def owners_of(*, reservation_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return the user of each reservation."""
    rows = Reservation.objects.filter(pk__in=set(reservation_ids)).values_list("pk", "user_id")
    return dict(rows)


def lapsed_holds(*, limit: int, now: datetime) -> list[UUID]:
    """Return up to `limit` holds whose time has passed, the longest lapsed first."""
    rows = Reservation.objects.filter(status=Reservation.Status.PENDING, expires_at__lte=now)
    return list(rows.order_by("expires_at").values_list("pk", flat=True)[:limit])
