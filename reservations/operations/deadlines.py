"""The deadline of a hold: extended, opened for payment, prolonged (Note [Hold deadline])."""

from datetime import datetime, timedelta

from kernel.db.transaction import require_transaction
from reservations.models import Reservation, SeatInventory
from reservations.operations.lifecycle import LockedReservation, ReservationExpired


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


def prolong(*, locked: LockedReservation, until: datetime, now: datetime) -> bool:
    """Let a live hold last until `until`, within its cap and never shorter; say whether it moved.

    For money that may have moved while nobody knows. After the commit the caller publishes the
    change.
    """
    require_transaction()
    until = min(until, locked.reservation.extendable_until)
    if locked.has_lapsed(now) or not locked.holds_its_seats:
        return False
    if until <= locked.reservation.expires_at:
        return False
    move_deadline(locked=locked, until=until)
    return True
