"""Writes of holds: take and free seats, expire, end and insert reservations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from events.operations import NewEvent
from kernel.db.arrays import array_of, rows_of
from kernel.db.transaction import require_transaction
from kernel.ids import uuid7
from kernel.money import Money
from reservations import events
from reservations.availability import FREE
from reservations.events import PricedSeat
from reservations.models import Reservation, SeatInventory


@dataclass(frozen=True, slots=True)
class NewHold:
    """A reservation as it is when it is held, not written yet, and its seats in layout order."""

    reservation: Reservation
    seats: tuple[PricedSeat, ...]


# The ids stand in the condition too: however many holds there are, the rows are found by key.
_TAKE = f"""
    UPDATE reservations_seatinventory inventory
    SET status = 'TEMPORARILY_RESERVED', reservation_id = taken.reservation_id,
        held_until = taken.held_until
    FROM ({{taken}}) AS taken (seat_id, reservation_id, held_until)
    WHERE inventory.seat_id = taken.seat_id AND inventory.seat_id = ANY(%s::uuid[])
      AND {FREE.replace("%(now)s", "%s")}
"""  # noqa: S608  (constants only)


def take_seats(*, holds: Sequence[NewHold], now: datetime) -> int:
    """Take those seats of the holds that are free at `now`; return how many there were."""
    require_transaction()
    taken = [
        (seat.seat_id, hold.reservation.pk, hold.reservation.expires_at)
        for hold in holds
        for seat in hold.seats
    ]
    values, parameters = rows_of(("uuid", "uuid", "timestamptz"), taken)
    keys = array_of([seat_id for seat_id, *_ in taken])
    with connection.cursor() as cursor:
        cursor.execute(_TAKE.format(taken=values), [*parameters, keys, now])
        return int(cursor.rowcount)


def expire_lapsed(
    *, reservation_ids: Sequence[UUID], now: datetime, skip_locked: bool = False
) -> list[NewEvent]:
    """Expire those of the reservations that are lapsed holds; return their events: one statement.

    It frees those of their seats that nobody has locked. The others are free by their deadline, and
    the transaction that has them locked tidies them. With `skip_locked` it leaves reservations that
    somebody else has locked.
    """
    require_transaction()
    statement = _EXPIRE_SKIPPING if skip_locked else _EXPIRE
    with connection.cursor() as cursor:
        cursor.execute(statement, {"ids": sorted(set(reservation_ids)), "now": now})
        return [_expired_event(row) for row in cursor.fetchall()]


# The order of the parts of a WITH is PostgreSQL's choice, which is why the seats are locked with
# SKIP LOCKED and only the reservations, by id, are waited for (Note [Lock order]).
_EXPIRE_WHICH = f"""
    WITH lapsed AS MATERIALIZED (
        SELECT id FROM reservations_reservation
        WHERE id = ANY(%(ids)s::uuid[]) AND status = 'PENDING' AND expires_at <= %(now)s
        ORDER BY id
        FOR NO KEY UPDATE {{waiting}}
    ), loose AS MATERIALIZED (
        SELECT inventory.seat_id
        FROM reservations_reservationseat held
        JOIN reservations_seatinventory inventory ON inventory.seat_id = held.seat_id
        WHERE held.reservation_id = ANY(%(ids)s::uuid[])
          AND inventory.reservation_id = held.reservation_id AND {FREE} {{of_which}}
        ORDER BY inventory.seat_id
        FOR NO KEY UPDATE OF inventory SKIP LOCKED
    ), freed AS (
        UPDATE reservations_seatinventory
        SET status = 'AVAILABLE', reservation_id = NULL, held_until = NULL
        WHERE seat_id IN (SELECT seat_id FROM loose)
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
_EXPIRE = _EXPIRE_WHICH.format(waiting="", of_which="")
# The seats of a reservation that is skipped stay as they are: who takes them expires it.
_EXPIRE_SKIPPING = _EXPIRE_WHICH.format(
    waiting="SKIP LOCKED", of_which="AND held.reservation_id IN (SELECT id FROM lapsed)"
)


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


# One round trip for both, because the seats stay locked while holds are written.
_WRITE = """
    WITH written AS (
        INSERT INTO reservations_reservation
            (id, performance_id, user_id, status, amount, currency, created_at, expires_at,
             extendable_until, payment_status)
        {holds}
    )
    INSERT INTO reservations_reservationseat (id, reservation_id, seat_id, price, currency)
    {seats}
"""
_OF_A_HOLD = (
    *("uuid", "uuid", "uuid", "text", "bigint", "text"),
    *("timestamptz", "timestamptz", "timestamptz", "text"),
)
_OF_A_SEAT = ("uuid", "uuid", "uuid", "bigint", "text")


def write_holds(*, holds: Sequence[NewHold]) -> None:
    """Insert the reservations and their seats: one statement."""
    require_transaction()
    held, parameters = rows_of(_OF_A_HOLD, [_row(hold.reservation) for hold in holds])
    seats, of_seats = rows_of(
        _OF_A_SEAT,
        [
            (uuid7(), hold.reservation.pk, seat.seat_id, seat.price.amount, seat.price.currency)
            for hold in holds
            for seat in hold.seats
        ],
    )
    with connection.cursor() as cursor:
        cursor.execute(_WRITE.format(holds=held, seats=seats), [*parameters, *of_seats])


def _row(new: Reservation) -> tuple[object, ...]:
    return (
        *(new.pk, new.performance_id, new.user_id, new.status, new.amount, new.currency),
        *(new.created_at, new.expires_at, new.extendable_until, ""),
    )
