"""Other seats in place of those that late money was for: as many, side by side, of their worth."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from events.operations import NewEvent
from kernel.db.transaction import require_transaction
from reservations import events, locking, policy, queries, seat_changes
from reservations.events import PricedSeat
from reservations.locking import LockedSeat
from reservations.models import Reservation
from reservations.operations.holds import (
    NewHold,
    end_hold,
    expire_lapsed,
    free_seats,
    take_seats,
    write_holds,
)
from reservations.operations.lifecycle import LockedReservation
from reservations.queries import FanWish
from reservations.seating.snapshot import snapshots


class SeatsNotTaken(Exception):
    """Seats that were free under their locks could not be taken: must end the transaction."""


@dataclass(slots=True)
class Substitute:
    """The hold of other seats, None where there are none, and the events to record."""

    hold: NewHold | None = None
    events: list[NewEvent] = field(default_factory=list)


def hold_instead(
    *,
    locked: LockedReservation,
    reservation_id: UUID,
    payment_id: UUID,
    payment_status: str,
    until: datetime,
    now: datetime,
) -> Substitute:
    """Hold other seats for the fan, until `until`, at the prices of those that are gone.

    Needs the locks of `lock_to_settle`; waits for none more, so that seats may come after
    reservations (Note [Lock order]). The new reservation shows the payment, and as its money has
    moved it can't be given up. Nothing is held where the fan would have too many seats. After the
    commit the caller publishes the change.
    """
    require_transaction()
    made = Substitute()
    old = locked.reservation
    [had] = queries.seats_of_fans(wishes=[FanWish(old.user_id, old.performance_id, [])], now=now)
    # Note [Lapsed is written down]: the hold whose seats are gone is among them.
    if not _expire(had.lapsed, made, now):
        return made
    if had.held + len(locked.seats) > locked.rules.max_seats_per_fan:
        return made
    rows = _free_rows(locked, made, now)
    if rows:
        made.hold = _new_hold(locked, rows, reservation_id, until, now)
        _write(made.hold, payment_id, payment_status, now)
        made.events.append(events.of_row(events.HELD, made.hold.reservation, made.hold.seats))
    return made


def end_substitute(*, locked: LockedReservation, declined: bool, now: datetime) -> list[NewEvent]:
    """End a hold that `hold_instead` made, unless it has ended; return the event.

    After the commit the caller publishes the change.
    """
    require_transaction()
    reservation = locked.reservation
    if reservation.status != Reservation.Status.PENDING:
        return []
    free_seats(seat_ids=locked.seat_ids, reservation_id=reservation.pk)
    status = Reservation.Status.RELEASED if declined else Reservation.Status.EXPIRED
    end_hold(reservation=reservation, status=status, now=now)
    type_, reason = (events.RELEASED, "given_up") if declined else (events.EXPIRED, "time_passed")
    return [events.of_row(type_, reservation, locked.seats, reason=reason)]


def _free_rows(locked: LockedReservation, made: Substitute, now: datetime) -> list[LockedSeat]:
    """Return the locked rows of a block that is free, in the order of the layout."""
    performance_id = locked.reservation.performance_id
    grades = queries.grades_instead(performance_id=performance_id, seat_ids=locked.seat_ids)
    for _ in range(policy.BEST_ATTEMPTS):
        proposed = snapshots.propose_instead(
            performance_id=performance_id, seat_ids=locked.seat_ids, grades=grades, now=now
        )
        if not proposed:
            break
        try:
            rows = _locked_if_free(performance_id, proposed, made, now)
        finally:
            snapshots.end_proposal(performance_id=performance_id, seat_ids=proposed)
        if rows:
            return rows
        seat_changes.learn_from_claims(performance_id=performance_id, taken=proposed)
    return []


def _locked_if_free(
    performance_id: UUID, seat_ids: Sequence[UUID], made: Substitute, now: datetime
) -> list[LockedSeat]:
    rows = locking.lock_seats(
        performance_ids=[performance_id], seat_ids=sorted(seat_ids), skip_locked=True
    )
    if len(rows) < len(seat_ids) or not all(row.is_free(now) for row in rows):
        return []
    if not _expire({row.reservation_id for row in rows if row.reservation_id}, made, now):
        return []
    return sorted(rows, key=lambda row: row.index)


def _expire(lapsed: Collection[UUID], made: Substitute, now: datetime) -> bool:
    """Expire lapsed holds without waiting; False where somebody else is at one of them."""
    if not lapsed:
        return True
    expired = expire_lapsed(reservation_ids=sorted(lapsed), now=now, skip_locked=True)
    made.events += expired
    return {event.aggregate_id for event in expired}.issuperset(lapsed)


def _new_hold(
    locked: LockedReservation,
    rows: Sequence[LockedSeat],
    reservation_id: UUID,
    until: datetime,
    now: datetime,
) -> NewHold:
    old = locked.reservation
    reservation = Reservation(
        id=reservation_id,
        performance_id=old.performance_id,
        user_id=old.user_id,
        amount=old.amount,
        currency=old.currency,
        created_at=now,
        expires_at=until,
        extendable_until=until,
    )
    prices = sorted((seat.price for seat in locked.seats), key=lambda price: price.amount)
    seats = tuple(
        PricedSeat(row.seat_id, row.section, row.row, row.number, price)
        for row, price in zip(rows, prices, strict=True)
    )
    return NewHold(reservation, seats)


def _write(hold: NewHold, payment_id: UUID, payment_status: str, now: datetime) -> None:
    if take_seats(holds=[hold], now=now) != len(hold.seats):
        raise SeatsNotTaken(f"not all seats of {hold.reservation.pk}")
    write_holds(holds=[hold])
    Reservation.objects.filter(pk=hold.reservation.pk).update(
        payment_id=payment_id, payment_status=payment_status, money_may_have_moved=True
    )
