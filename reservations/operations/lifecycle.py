"""The life of a hold: locked by its owner, shown with its payment, sold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from concerts.models import Performance
from events.operations import NewEvent
from kernel.db.arrays import array_of
from kernel.db.failures import LockSkipped
from kernel.db.transaction import require_transaction, run_after_commit
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.outcomes import Outcome, outcome_of, result_of
from kernel.telemetry.context import Correlation
from reservations import events, locking, metrics, queries
from reservations.events import PricedSeat
from reservations.models import Reservation
from reservations.queries import SaleRules


class ReservationNotFound(DomainError):
    """There is no such reservation, or it is another fan's."""

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
        en="This reservation cannot be paid for.", ko="결제할 수 없는 상태의 예약입니다."
    )


@dataclass(frozen=True, slots=True)
class LockedReservation:
    """A reservation whose seats and row are locked until the transaction ends.

    `rules` are those of its sale, read under these locks (Note [Facts under lock]).
    """

    reservation: Reservation
    seats: tuple[PricedSeat, ...]
    rows: tuple[locking.LockedRow, ...]
    rules: SaleRules

    @property
    def seat_ids(self) -> list[UUID]:
        """The seats by id, the order in which they are locked."""
        return [seat.seat_id for seat in self.seats]

    @property
    def holds_its_seats(self) -> bool:
        """Say whether nobody has taken or freed any of its seats, be its time over or not."""
        return self.reservation.status == Reservation.Status.PENDING and all(
            row.reservation_id == self.reservation.pk for row in self.rows
        )

    def has_lapsed(self, now: datetime) -> bool:
        """Say whether it is a hold whose time has passed, or whose seats others may take."""
        reservation = self.reservation
        if reservation.status != Reservation.Status.PENDING:
            return reservation.status == Reservation.Status.EXPIRED
        # The rows decide, because the next claim goes by them.
        return reservation.has_lapsed(now) or not all(
            row.reservation_id == reservation.pk and not row.is_free(now) for row in self.rows
        )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A hold that is paid for, by which payment, and the request that paid it."""

    locked: LockedReservation
    payment_id: UUID
    payment_status: str = "PAID"
    correlation: Correlation | None = None


def lock_reservation(*, reservation_id: UUID, user_id: UUID) -> LockedReservation:
    """Lock the fan's reservation like `lock_reservations`.

    Raises `ReservationNotFound` and, through the database, busy.
    """
    return result_of(lock_reservations(wanted=[(reservation_id, user_id)])[0])


def lock_reservations(
    *, wanted: Sequence[tuple[UUID, UUID]], skip_locked: bool = False
) -> list[Outcome[LockedReservation]]:
    """Lock fans' reservations, seats by id and then their rows, and read the rules of their sales.

    `wanted` are the ids of reservations and users, no reservation twice. Three statements. The
    outcome may be `ReservationNotFound` or, with `skip_locked`, `LockSkipped`.
    """
    found = locking.lock_reservations(wanted=wanted, skip_locked=skip_locked)
    sales = {lock[0].performance_id for lock in found.values() if lock}
    rules = queries.rules_in_force(performance_ids=sales) if sales else {}

    def outcome(reservation_id: UUID) -> Outcome[LockedReservation]:
        if reservation_id not in found:
            return ReservationNotFound()
        lock = found[reservation_id]
        if lock is None:
            return LockSkipped()
        reservation, rows = lock
        in_force = rules[reservation.performance_id]  # nothing sold is ever deleted
        return LockedReservation(reservation, priced(rows), tuple(rows), in_force)

    return [outcome(reservation_id) for reservation_id, _ in wanted]


def priced(rows: Sequence[locking.LockedSeat]) -> tuple[PricedSeat, ...]:
    """Return locked seats as events and reservations describe them."""
    return tuple(
        PricedSeat(row.seat_id, row.section, row.row, row.number, row.money) for row in rows
    )


def lock_for_payment(
    *, wanted: Sequence[tuple[UUID, UUID]], now: datetime, skip_locked: bool = False
) -> list[Outcome[LockedReservation]]:
    """Lock fans' live holds like `lock_reservations`.

    The outcome may be `ReservationExpired` or `ReservationNotPayable`, too.
    """
    return [
        found if isinstance(found, Exception) else outcome_of(check_payable, found, now)
        for found in lock_reservations(wanted=wanted, skip_locked=skip_locked)
    ]


def check_payable(locked: LockedReservation, now: datetime) -> LockedReservation:
    """Return a locked hold if it may be paid.

    Raises ReservationExpired and ReservationNotPayable.
    """
    reservation = locked.reservation
    if locked.has_lapsed(now):
        raise ReservationExpired(expires_at=reservation.expires_at)
    if reservation.status != Reservation.Status.PENDING:
        raise ReservationNotPayable(reservation_status=reservation.status)
    if locked.rules.status == Performance.Status.CANCELLED:
        raise ReservationNotPayable(
            reservation_status=reservation.status, reason="performance_cancelled"
        )
    return locked


def set_payment(
    *,
    locked: LockedReservation,
    payment_id: UUID,
    payment_status: str,
    money_may_have_moved: bool,
) -> None:
    """Keep what payments say of the latest attempt, for the reservation's `payment` field.

    While money may have moved the hold can't be given up.
    """
    require_transaction()
    Reservation.objects.filter(pk=locked.reservation.pk).update(
        payment_id=payment_id,
        payment_status=payment_status,
        money_may_have_moved=money_may_have_moved,
    )


# The seats and then the reservations; all of their rows are locked already.
_CONFIRM = """
    WITH sold AS (
        UPDATE reservations_seatinventory inventory
        SET status = 'RESERVED', held_until = NULL
        FROM unnest(%(seats)s::uuid[], %(owners)s::uuid[]) AS bought (seat_id, reservation_id)
        WHERE inventory.seat_id = bought.seat_id AND inventory.seat_id = ANY(%(seats)s::uuid[])
          AND inventory.reservation_id = bought.reservation_id
          AND inventory.status = 'TEMPORARILY_RESERVED'
        RETURNING inventory.seat_id
    ), confirmed AS (
        UPDATE reservations_reservation reservation
        SET status = 'CONFIRMED', closed_at = %(now)s, payment_id = paid.payment_id,
            payment_status = paid.status, money_may_have_moved = true
        FROM unnest(%(ids)s::uuid[], %(payments)s::uuid[], %(statuses)s::text[])
            AS paid (id, payment_id, status)
        WHERE reservation.id = paid.id AND reservation.id = ANY(%(ids)s::uuid[])
          AND reservation.status = 'PENDING'
    )
    SELECT seat_id FROM sold
"""


def confirm(*, confirmations: Sequence[Confirmation], now: datetime) -> list[NewEvent]:
    """Make the held seats sold: one statement; return the events `reservation.confirmed`.

    Raises `ReservationExpired`, which must end the transaction, if one of them is no hold any more.
    After the commit the caller publishes the change (`seat_changes.publish`).
    """
    require_transaction()
    seats = [
        (seat.seat_id, one.locked.reservation) for one in confirmations for seat in one.locked.seats
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            _CONFIRM,
            {
                "seats": array_of([seat_id for seat_id, _ in seats]),
                "owners": array_of([owner.pk for _, owner in seats]),
                "ids": array_of([one.locked.reservation.pk for one in confirmations]),
                "payments": array_of([one.payment_id for one in confirmations]),
                "statuses": array_of([one.payment_status for one in confirmations]),
                "now": now,
            },
        )
        sold = {seat_id for (seat_id,) in cursor.fetchall()}
    for seat_id, owner in seats:
        if seat_id not in sold:
            raise ReservationExpired(expires_at=owner.expires_at)
    run_after_commit(lambda: metrics.confirmed.inc(len(confirmations)))
    return [
        events.of_row(
            events.CONFIRMED,
            one.locked.reservation,
            one.locked.seats,
            correlation=one.correlation,
        )
        for one in confirmations
    ]
