"""Writes on seats, reservations and sale policies; every one needs an open transaction."""

from reservations.operations.holds import (
    NewHold,
    end_hold,
    expire_lapsed,
    free_seats,
    take_seats,
    write_holds,
)
from reservations.operations.lifecycle import (
    LockedReservation,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotPayable,
    confirm,
    lock_for_payment,
    lock_reservation,
    move_deadline,
    open_payment_window,
    priced,
    set_payment,
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
    "NewHold",
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
    "lock_reservation",
    "make_inventory",
    "move_deadline",
    "new_policy",
    "open_payment_window",
    "priced",
    "set_blocked",
    "set_payment",
    "take_seats",
    "write_holds",
]
