"""Seats of a reservation for which money has come after its time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from events.operations import NewEvent
from kernel.db.transaction import require_transaction
from reservations import locking, queries
from reservations.models import Reservation, SeatInventory
from reservations.operations.holds import expire_lapsed
from reservations.operations.lifecycle import LockedReservation, lock_reservation
from reservations.queries import FanWish


@dataclass(frozen=True, slots=True)
class Reclaimed:
    """Whether the seats are held again, and the events of lapsed holds that ended for it."""

    succeeded: bool
    events: Sequence[NewEvent] = ()


def lock_to_settle(
    *, reservation_id: UUID, user_id: UUID, performance_id: UUID
) -> LockedReservation:
    """Lock a fan's reservation whose seats may have to be reclaimed: the fan's lock comes first.

    Raises ReservationNotFound.
    """
    locking.lock_fan(user_id=user_id, performance_id=performance_id)
    return lock_reservation(reservation_id=reservation_id, user_id=user_id)


def reclaim(*, locked: LockedReservation, now: datetime) -> Reclaimed:
    """Hold the seats of a hold that has ended again, if nobody has them and the fan may.

    Needs the locks of `lock_to_settle`; the caller sells the seats in the same transaction and
    records the events. The hold's time has passed, so nothing but that sale may follow.
    """
    require_transaction()
    own = locked.reservation.pk
    if locked.reservation.status in {Reservation.Status.CONFIRMED, Reservation.Status.CANCELLED}:
        return Reclaimed(succeeded=False)
    if not all(row.reservation_id == own or row.is_free(now) for row in locked.rows):
        return Reclaimed(succeeded=False)
    wish = FanWish(locked.reservation.user_id, locked.reservation.performance_id, [])
    [had] = queries.seats_of_fans(wishes=[wish], now=now)
    holders = {row.reservation_id for row in locked.rows if row.reservation_id is not None}
    ending = sorted((holders | set(had.lapsed)) - {own})
    expired = expire_lapsed(reservation_ids=ending, now=now) if ending else []
    # Counted behind that wait: a lapsed hold may have been paid (Note [Lapsed is written down]).
    [has] = queries.seats_of_fans(wishes=[wish], now=now)
    if has.held + len(locked.seats) > locked.rules.max_seats_per_fan:
        return Reclaimed(succeeded=False, events=expired)
    _hold_again(locked, now)
    return Reclaimed(succeeded=True, events=expired)


def _hold_again(locked: LockedReservation, now: datetime) -> None:
    SeatInventory.objects.filter(seat_id__in=locked.seat_ids).update(
        status=SeatInventory.Status.TEMPORARILY_RESERVED,
        reservation_id=locked.reservation.pk,
        held_until=now,
    )
    Reservation.objects.filter(pk=locked.reservation.pk).update(
        status=Reservation.Status.PENDING, closed_at=None
    )
