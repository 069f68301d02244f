"""The life of a hold: locked by its owner, extended, given time to pay, sold."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from concerts.models import Performance
from events.operations import NewEvent
from kernel.db.transaction import require_transaction, run_after_commit
from kernel.errors import DomainError, Kind
from kernel.i18n import text
from reservations import events, locking, metrics, queries
from reservations.events import PricedSeat
from reservations.models import Reservation, SeatInventory
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

    def has_lapsed(self, now: datetime) -> bool:
        """Say whether it is a hold whose time has passed, or whose seats others may take."""
        reservation = self.reservation
        if reservation.status != Reservation.Status.PENDING:
            return reservation.status == Reservation.Status.EXPIRED
        # The rows decide, because the next claim goes by them.
        return reservation.has_lapsed(now) or not all(
            row.reservation_id == reservation.pk and not row.is_free(now) for row in self.rows
        )


def lock_reservation(*, reservation_id: UUID, user_id: UUID) -> LockedReservation:
    """Lock the fan's reservation, seats by id and then its row, and read the rules of its sale.

    Three statements. Raises `ReservationNotFound` and, through the database, busy.
    """
    found = locking.lock_reservation(reservation_id=reservation_id, user_id=user_id)
    if found is None:
        raise ReservationNotFound()
    reservation, rows = found
    sale = reservation.performance_id
    rules = queries.rules_in_force(performance_ids=[sale])[sale]  # nothing sold is ever deleted
    return LockedReservation(reservation, priced(rows), tuple(rows), rules)


def priced(rows: Sequence[locking.LockedSeat]) -> tuple[PricedSeat, ...]:
    """Return locked seats as events and reservations describe them."""
    return tuple(
        PricedSeat(row.seat_id, row.section, row.row, row.number, row.money) for row in rows
    )


def lock_for_payment(*, reservation_id: UUID, user_id: UUID, now: datetime) -> LockedReservation:
    """Lock the fan's live hold like `lock_reservation`.

    Raises `ReservationNotFound`, `ReservationExpired`, `ReservationNotPayable` and, through the
    database, busy.
    """
    locked = lock_reservation(reservation_id=reservation_id, user_id=user_id)
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


def move_deadline(*, locked: LockedReservation, until: datetime) -> None:
    """Move the deadline of a live hold, on its seats and its row: two statements.

    Never past `extendable_until` (Note [Hold deadline]). After the commit the caller publishes the
    change.
    """
    require_transaction()
    reservation = locked.reservation
    assert until <= reservation.extendable_until
    moved = SeatInventory.objects.filter(
        seat_id__in=locked.seat_ids,
        reservation_id=reservation.pk,
        status=SeatInventory.Status.TEMPORARILY_RESERVED,
    ).update(held_until=until)
    if moved != len(locked.seats):
        raise ReservationExpired(expires_at=reservation.expires_at)
    Reservation.objects.filter(pk=reservation.pk).update(
        expires_at=until, payment_opened_at=reservation.payment_opened_at
    )
    reservation.expires_at = until


def open_payment_window(
    *, locked: LockedReservation, payment_seconds: int, now: datetime
) -> datetime:
    """Give a live hold time to be paid, once; return when its time ends.

    The first attempt moves the deadline to `now` + `payment_seconds`, within the cap and never
    nearer; later ones move nothing, so attempts that fail can't keep a seat. After the commit
    the caller publishes the change.
    """
    require_transaction()
    reservation = locked.reservation
    if reservation.payment_opened_at is None:
        reservation.payment_opened_at = now
        window = min(now + timedelta(seconds=payment_seconds), reservation.extendable_until)
        move_deadline(locked=locked, until=max(window, reservation.expires_at))
    return reservation.expires_at


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


def confirm(
    *,
    locked: LockedReservation,
    payment_id: UUID,
    now: datetime,
    payment_status: str = "PAID",
) -> NewEvent:
    """Make the held seats sold: two statements; return `reservation.confirmed` to be recorded.

    After the commit the caller publishes the change (`seat_changes.publish`).
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
        money_may_have_moved=True,
    )
    run_after_commit(metrics.confirmed.inc)
    return events.of_row(events.CONFIRMED, reservation, locked.seats)
