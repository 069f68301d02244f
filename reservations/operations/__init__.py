"""Writes on seats, reservations and sale policies; every one needs an open transaction."""

from reservations.operations.holds import (
    LockedReservation,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotPayable,
    confirm,
    end_hold,
    expire_lapsed,
    free_seats,
    lock_for_payment,
    note_payment,
    seats_of,
    take_seats,
    write_hold,
)
from reservations.operations.staff import (
    add_halt,
    change_policy,
    lift_halts,
    make_inventory,
    new_policy,
    set_blocked,
)

__all__ = [
    "LockedReservation",
    "ReservationExpired",
    "ReservationNotFound",
    "ReservationNotPayable",
    "add_halt",
    "change_policy",
    "confirm",
    "end_hold",
    "expire_lapsed",
    "free_seats",
    "lift_halts",
    "lock_for_payment",
    "make_inventory",
    "new_policy",
    "note_payment",
    "seats_of",
    "set_blocked",
    "take_seats",
    "write_hold",
]
