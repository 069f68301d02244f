"""What holds are decided and tidied by."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection

from reservations.models import Reservation


def seats_of_fan(*, user_id: UUID, performance_id: UUID, now: datetime) -> int:
    """Count the fan's live held and bought seats of one performance.

    The number only counts under `locking.lock_fan`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*)
            FROM reservations_reservation reservation
            JOIN reservations_reservationseat held ON held.reservation_id = reservation.id
            WHERE reservation.user_id = %(user)s AND reservation.performance_id = %(performance)s
              AND held.cancelled_at IS NULL
              AND (reservation.status = 'CONFIRMED'
                   OR (reservation.status = 'PENDING' AND reservation.expires_at > %(now)s))
            """,
            {"user": user_id, "performance": performance_id, "now": now},
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
