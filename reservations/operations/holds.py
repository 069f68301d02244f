"""Writes on seats and reservations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from concerts.models import Performance
from events.operations import NewEvent
from kernel.db.transaction import require_transaction, run_after_commit
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.money import Money
from reservations import events, locking, metrics
from reservations.events import PricedSeat
from reservations.models import Reservation, ReservationSeat, SeatInventory


class ReservationNotFound(DomainError):
    """There is none, or it is somebody else's."""

    code = "reservation_not_found"
    kind = Kind.NOT_FOUND
    message = text(en="There is no such reservation.", ko="예약을 찾을 수 없습니다.")


class ReservationExpired(DomainError):
    """Its time has passed; the seats are free to everybody."""

    code = "reservation_expired"
    kind = Kind.CONFLICT
    message = text(
        en="The time to pay for these seats has passed.", ko="좌석 결제 가능 시간이 지났습니다."
    )


class ReservationNotPayable(DomainError):
    """It was paid, released or cancelled, or its performance will not take place (`status`)."""

    code = "reservation_not_payable"
    kind = Kind.CONFLICT
    message = text(
        en="This reservation can not be paid for.", ko="결제할 수 없는 상태의 예약입니다."
    )


@dataclass(frozen=True, slots=True)
class LockedReservation:
    """A live hold whose seats and row are locked until the transaction ends."""

    reservation: Reservation
    seats: tuple[PricedSeat, ...]

    @property
    def seat_ids(self) -> list[UUID]:
        """The seats by id, the order in which they are locked."""
        return [seat.seat_id for seat in self.seats]


def lock_for_payment(*, reservation_id: UUID, user_id: UUID, now: datetime) -> LockedReservation:
    """Lock the fan's live hold, seats by id and then the reservation: three statements.

    Raises `ReservationNotFound`, `ReservationExpired`, `ReservationNotPayable` and, through the
    database, busy.
    """
    require_transaction()
    seats, performance_status = seats_of(reservation_id=reservation_id, user_id=user_id)
    rows = locking.lock_rows(seat_ids=[seat.seat_id for seat in seats])
    reservation = locking.lock_reservation(reservation_id=reservation_id)
    status = reservation.status
    if status == Reservation.Status.EXPIRED or reservation.has_lapsed(now):
        raise ReservationExpired(expires_at=reservation.expires_at)
    if status != Reservation.Status.PENDING:
        raise ReservationNotPayable(reservation_status=status)
    if performance_status == Performance.Status.CANCELLED:
        raise ReservationNotPayable(reservation_status=status, reason="performance_cancelled")
    # The rows decide: they are what the next claim looks at.
    if not all(row.reservation_id == reservation_id and not row.is_free(now) for row in rows):
        raise ReservationExpired(expires_at=reservation.expires_at)
    return LockedReservation(reservation, seats)


def note_payment(*, locked: LockedReservation, payment_id: UUID, payment_status: str) -> None:
    """Keep what payments say of the latest attempt, for the reservation's `payment` field."""
    require_transaction()
    Reservation.objects.filter(pk=locked.reservation.pk).update(
        payment_id=payment_id, payment_status=payment_status
    )


def confirm(
    *,
    locked: LockedReservation,
    payment_id: UUID,
    now: datetime,
    payment_status: str = "PAID",
) -> NewEvent:
    """Make the held seats sold: two statements; return `reservation.confirmed` to be recorded.

    After commit the caller tells the gate: `store.seats_changed(...)`.
    """
    require_transaction()
    reservation = locked.reservation
    sold = SeatInventory.objects.filter(
        seat_id__in=locked.seat_ids,
        reservation_id=reservation.pk,
        status=SeatInventory.Status.TEMPORARILY_RESERVED,
    ).update(status=SeatInventory.Status.RESERVED, held_until=None)
    if sold != len(locked.seats):
        raise ReservationExpired(expires_at=reservation.expires_at)
    Reservation.objects.filter(pk=reservation.pk, status=Reservation.Status.PENDING).update(
        status=Reservation.Status.CONFIRMED,
        closed_at=now,
        payment_id=payment_id,
        payment_status=payment_status,
    )
    run_after_commit(metrics.confirmed.inc)
    return events.of_row(events.CONFIRMED, reservation, locked.seats)


def seats_of(*, reservation_id: UUID, user_id: UUID) -> tuple[tuple[PricedSeat, ...], str]:
    """Read the seats of the fan's reservation, by seat id, and its performance's status.

    No lock: the seats never change. Raises `ReservationNotFound`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT held.seat_id, section.code, seat.row, seat.number, held.price, held.currency,
                   performance.status
            FROM reservations_reservationseat held
            JOIN reservations_reservation reservation ON reservation.id = held.reservation_id
            JOIN concerts_performance performance ON performance.id = reservation.performance_id
            JOIN concerts_seat seat ON seat.id = held.seat_id
            JOIN concerts_section section ON section.id = seat.section_id
            WHERE held.reservation_id = %(id)s AND reservation.id = %(id)s
              AND reservation.user_id = %(user_id)s
            ORDER BY held.seat_id
            """,
            {"id": reservation_id, "user_id": user_id},
        )
        rows = cursor.fetchall()
    if not rows:
        raise ReservationNotFound()
    seats = tuple(
        PricedSeat(seat_id, section, row, number, Money(price, currency))
        for seat_id, section, row, number, price, currency, _ in rows
    )
    return seats, rows[0][6]


def take_seats(
    *, seat_ids: Sequence[UUID], reservation_id: UUID, until: datetime, now: datetime
) -> int:
    """Hold the seats that are free at `now`; return how many there were."""
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE reservations_seatinventory
            SET status = 'TEMPORARILY_RESERVED', reservation_id = %(reservation)s,
                held_until = %(until)s
            WHERE seat_id = ANY(%(seats)s::uuid[])
              AND (status = 'AVAILABLE'
                   OR (status = 'TEMPORARILY_RESERVED' AND held_until <= %(now)s))
            """,
            {"reservation": reservation_id, "until": until, "seats": list(seat_ids), "now": now},
        )
        return cursor.rowcount


def expire_lapsed(*, reservation_ids: Sequence[UUID], now: datetime) -> list[NewEvent]:
    """Expire those of the reservations that are lapsed holds; return their events: one statement.

    Seats of theirs that nobody has locked become free; the others are free by their deadline and
    tidied by whoever has them locked.
    """
    require_transaction()
    with connection.cursor() as cursor:
        cursor.execute(_EXPIRE, {"ids": sorted(set(reservation_ids)), "now": now})
        return [_expired_event(row) for row in cursor.fetchall()]


# The order of the parts of a WITH is PostgreSQL's choice, which is why the seats are locked with
# SKIP LOCKED and only the reservations, by id, are waited for (Note [Lock order]).
_EXPIRE = """
    WITH loose AS MATERIALIZED (
        SELECT inventory.seat_id
        FROM reservations_reservationseat held
        JOIN reservations_seatinventory inventory ON inventory.seat_id = held.seat_id
        WHERE held.reservation_id = ANY(%(ids)s::uuid[])
          AND inventory.reservation_id = held.reservation_id
          AND inventory.status = 'TEMPORARILY_RESERVED' AND inventory.held_until <= %(now)s
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
"""


def _expired_event(row: tuple) -> NewEvent:
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


def write_hold(*, reservation: Reservation, seats: Sequence[PricedSeat]) -> None:
    """Insert a reservation and its seats: two statements."""
    require_transaction()
    reservation.save(force_insert=True)
    ReservationSeat.objects.bulk_create(
        ReservationSeat(
            reservation=reservation,
            seat_id=seat.seat_id,
            price=seat.price.amount,
            currency=seat.price.currency,
        )
        for seat in seats
    )
