"""What holds are decided and tidied by."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from kernel.ids import first_uuid7_at
from reservations.models import Reservation, SalePolicy

# Far more than clocks differ: it only keeps the planner from looking at every month.
_MARGIN = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class TakenSeat:
    """A seat that nobody may claim; without a reservation it is blocked, without a time sold."""

    seat_id: UUID
    reservation_id: UUID | None
    held_until: datetime | None
    user_id: UUID | None


def taken_seats(*, performance_id: UUID, now: datetime) -> list[TakenSeat]:
    """Return every seat of a performance that is held, sold or blocked at `now`.

    Only live holds name their fan; a sold seat's is asked of nobody.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT inventory.seat_id, inventory.reservation_id, inventory.held_until,
                   reservation.user_id
            FROM reservations_seatinventory inventory
            LEFT JOIN reservations_reservation reservation
                ON reservation.id = inventory.reservation_id
               AND inventory.status = 'TEMPORARILY_RESERVED'
            WHERE inventory.performance_id = %(performance)s
              AND inventory.status <> 'AVAILABLE'
              AND (inventory.held_until IS NULL OR inventory.held_until > %(now)s)
            ORDER BY inventory.seat_id
            """,
            {"performance": performance_id, "now": now},
        )
        return [TakenSeat(*row) for row in cursor.fetchall()]


def open_sales(*, now: datetime) -> list[UUID]:
    """Return the performances whose seats are being sold at `now`."""
    rows = SalePolicy.objects.filter(
        put_on_sale_at__isnull=False, sale_opens_at__lte=now, sale_closes_at__gt=now
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


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
