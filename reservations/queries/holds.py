"""Reads that decide about holds, and those that tidy them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any
from uuid import UUID

from django.db import connection

from kernel.db.arrays import array_of
from reservations.availability import FREE
from reservations.models import Reservation, SalePolicy


@dataclass(frozen=True, slots=True)
class TakenSeat:
    """A seat that nobody may claim; without a reservation it is blocked, without a time sold."""

    seat_id: UUID
    reservation_id: UUID | None
    held_until: datetime | None
    user_id: UUID | None


def taken_seats(*, performance_id: UUID, now: datetime) -> list[TakenSeat]:
    """Return every seat of a performance that is held, sold or blocked at `now`.

    Only live holds name their fan; nobody needs the fan of a sold seat.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT inventory.seat_id, inventory.reservation_id, inventory.held_until,
                   reservation.user_id
            FROM reservations_seatinventory inventory
            LEFT JOIN reservations_reservation reservation
                ON reservation.id = inventory.reservation_id
               AND inventory.status = 'TEMPORARILY_RESERVED'
            WHERE inventory.performance_id = %(performance)s
              AND NOT {FREE}
            ORDER BY inventory.seat_id
            """,  # noqa: S608  (constants only)
            {"performance": performance_id, "now": now},
        )
        return [TakenSeat(*row) for row in cursor.fetchall()]


def open_sales(*, now: datetime) -> list[UUID]:
    """Return the performances whose seats are being sold at `now`."""
    rows = SalePolicy.objects.filter(
        put_on_sale_at__isnull=False, sale_opens_at__lte=now, sale_closes_at__gt=now
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class FanSeats:
    """What one fan has at a performance at a moment.

    `held` counts live held and bought seats. `lapsed` are holds that are PENDING although their
    time has passed; they count as nothing, so the caller has to expire them. `capped_at`: an
    earlier hold of some of the wanted seats would have run until then (Note [First hold]).
    """

    held: int
    lapsed: tuple[UUID, ...]
    capped_at: datetime | None


@dataclass(frozen=True, slots=True)
class FanWish:
    """Which seats of a performance a fan wants, so that earlier holds of them are looked up."""

    user_id: UUID
    performance_id: UUID
    seat_ids: Sequence[UUID]


def seats_of_fans(*, wishes: Sequence[FanWish], now: datetime) -> list[FanSeats]:
    """Return for each wish what its fan has, and the cap of earlier holds of its seats.

    The number is only reliable under `locking.lock_fan`. One statement calls a database function
    (migration 0005), because PostgreSQL plans it once a session, and planning a read of every month
    takes ten times as long as the read. No bound on the key prunes it, because a key may be older
    than its row: one kept with an Idempotency-Key is as old as the client makes it.
    """
    lasts = list(accumulate([len(wish.seat_ids) for wish in wishes]))
    parameters: list[Any] = [
        array_of([wish.user_id for wish in wishes]),
        array_of([wish.performance_id for wish in wishes]),
        array_of([seat_id for wish in wishes for seat_id in wish.seat_ids]),
        [first + 1 for first in (0, *lasts[:-1])],
        lasts,
        now,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SEATS_OF_FANS, parameters)
        return [FanSeats(held, tuple(lapsed), cap) for held, lapsed, cap in cursor.fetchall()]


_SEATS_OF_FANS = """
    SELECT held, lapsed, capped_at
    FROM reservations_seats_of_fans(%s::uuid[], %s::uuid[], %s::uuid[], %s::int[], %s::int[], %s)
    ORDER BY number
"""


def owners_of(*, reservation_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Return the user of each reservation."""
    rows = Reservation.objects.filter(pk__in=set(reservation_ids)).values_list("pk", "user_id")
    return dict(rows)


def lapsed_holds(*, limit: int, now: datetime) -> list[UUID]:
    """Return up to `limit` holds whose time has passed, the longest lapsed first."""
    rows = Reservation.objects.filter(status=Reservation.Status.PENDING, expires_at__lte=now)
    return list(rows.order_by("expires_at").values_list("pk", flat=True)[:limit])
