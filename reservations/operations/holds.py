"""Writes of holds: take and free seats, expire, end and insert reservations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from events.operations import NewEvent
from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from kernel.money import Money
from reservations import events
from reservations.availability import FREE
from reservations.events import PricedSeat
from reservations.models import Reservation, SeatInventory

_TAKE = f"""
    UPDATE reservations_seatinventory inventory
    SET status = 'TEMPORARILY_RESERVED', reservation_id = %(reservation)s, held_until = %(until)s
    WHERE inventory.seat_id = ANY(%(seats)s::uuid[]) AND {FREE}
"""  # noqa: S608  (constants only)


def take_seats(
    *, seat_ids: Sequence[UUID], reservation_id: UUID, until: datetime, now: datetime
) -> int:
    """Hold the seats that are free at `now`; return how many there were."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE,
            {"reservation": reservation_id, "until": until, "seats": list(seat_ids), "now": now},
        )
        return int(cursor.rowcount)


def expire_lapsed(*, reservation_ids: Sequence[UUID], now: datetime) -> list[NewEvent]:
    """Expire those of the reservations that are lapsed holds; return their events: one statement.

    It frees those of their seats that nobody has locked. The others are free by their deadline, and
    the transaction that has them locked tidies them.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"ids": sorted(set(reservation_ids)), "now": now})
        return [_expired_event(row) for row in cursor.fetchall()]


# The order of the parts of a WITH is PostgreSQL's choice, which is why the seats are locked with
# SKIP LOCKED and only the reservations, by id, are waited for (Note [Lock order]).
_EXPIRE = f"""
    WITH loose AS MATERIALIZED (
        SELECT inventory.seat_id
        FROM reservations_reservationseat held
        JOIN reservations_seatinventory inventory ON inventory.seat_id = held.seat_id
        WHERE held.reservation_id = ANY(%(ids)s::uuid[])
          AND inventory.reservation_id = held.reservation_id AND {FREE}
        ORDER BY inventory.seat_id
        FOR NO KEY UPDATE OF inventory SKIP LOCKED
    ), freed AS (
        UPDATE reservations_seatinventory
        SET status = 'AVAILABLE', reservation_id = NULL, held_until = NULL
        WHERE seat_id IN (SELECT seat_id FROM loose)
    ), lapsed AS MATERIALIZED (
        SELECT id FROM reservations_reservation
        WHERE id = ANY(%(ids)s::uuid[]) AND status = 'PENDING' AND expires_at <= %(now)s
        ORDER BY id
        FOR NO KEY UPDATE
    ), expired AS (
        UPDATE reservations_reservation
        SET status = 'EXPIRED', closed_at = %(now)s
        WHERE id = ANY(%(ids)s::uuid[]) AND id IN (SELECT id FROM lapsed)
        RETURNING id, performance_id, user_id, amount, currency
    )
    SELECT expired.id, expired.performance_id, expired.user_id, expired.amount, expired.currency,
           array_agg(held.seat_id ORDER BY held.seat_id),
           array_agg(section.code ORDER BY held.seat_id),
           array_agg(seat.row ORDER BY held.seat_id),
           array_agg(seat.number ORDER BY held.seat_id),
           array_agg(held.price ORDER BY held.seat_id)
    FROM expired
    JOIN reservations_reservationseat held ON held.reservation_id = expired.id
    JOIN concerts_seat seat ON seat.id = held.seat_id
    JOIN concerts_section section ON section.id = seat.section_id
    GROUP BY expired.id, expired.performance_id, expired.user_id, expired.amount, expired.currency
    ORDER BY expired.id
"""  # noqa: S608  (constants only)


def _expired_event(row: tuple[Any, ...]) -> NewEvent:
    id_, performance_id, user_id, amount, currency, *columns = row
    return events.reservation_event(
        events.EXPIRED,
        reservation_id=id_,
        performance_id=performance_id,
        user_id=user_id,
        seats=[
            PricedSeat(seat_id, section, row_label, number, Money(price, currency))
            for seat_id, section, row_label, number, price in zip(*columns, strict=True)
        ],
        amount=Money(amount, currency),
        reason="time_passed",
    )


def free_seats(*, seat_ids: Sequence[UUID], reservation_id: UUID) -> int:
    """Make the seats that the reservation holds available; the rows must be locked."""
    require_transaction()
    return SeatInventory.objects.filter(
        seat_id__in=seat_ids,
        reservation_id=reservation_id,
        status=SeatInventory.Status.TEMPORARILY_RESERVED,
    ).update(status=SeatInventory.Status.AVAILABLE, reservation_id=None, held_until=None)


def end_hold(*, reservation: Reservation, status: Reservation.Status, now: datetime) -> None:
    """Let a locked PENDING reservation end as `status`."""
    require_transaction()
    Reservation.objects.filter(pk=reservation.pk).update(status=status, closed_at=now)


# One round trip for both, because the seats stay locked while a hold is written.
_WRITE = """
    WITH written AS (
        INSERT INTO reservations_reservation
            (id, performance_id, user_id, status, amount, currency, created_at, expires_at,
             extendable_until, payment_status)
        VALUES (%(id)s, %(performance)s, %(user)s, %(status)s, %(amount)s, %(currency)s,
                %(created_at)s, %(expires_at)s, %(extendable_until)s, '')
    )
    INSERT INTO reservations_reservationseat (id, reservation_id, seat_id, price, currency)
    SELECT seat.id, %(id)s, seat.seat_id, seat.price, seat.currency
    FROM unnest(%(keys)s::uuid[], %(seats)s::uuid[], %(prices)s::bigint[], %(currencies)s::text[])
        AS seat (id, seat_id, price, currency)
"""


def write_hold(*, reservation: Reservation, seats: Sequence[PricedSeat]) -> None:
    """Insert a reservation, as it is when it is held, and its seats: one statement."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            {
                "id": reservation.pk,
                "performance": reservation.performance_id,
                "user": reservation.user_id,
                "status": reservation.status,
                "amount": reservation.amount,
                "currency": reservation.currency,
                "created_at": reservation.created_at,
                "expires_at": reservation.expires_at,
                "extendable_until": reservation.extendable_until,
                "keys": [uuid7() for _ in seats],
                "seats": [seat.seat_id for seat in seats],
                "prices": [seat.price.amount for seat in seats],
                "currencies": [seat.price.currency for seat in seats],
            },
        )
