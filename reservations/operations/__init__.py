"""Writes on seats, reservations and sale policies; every one needs an open transaction."""

from reservations.operations.cancelling import SeatsNotSold, cancel_seats
from reservations.operations.deadlines import move_deadline, open_payment_window, prolong
from reservations.operations.holds import (
    NewHold,
    end_hold,
    expire_lapsed,
    free_seats,
    take_seats,
    write_holds,
)
from reservations.operations.lifecycle import (
    Confirmation,
    LockedReservation,
    ReservationExpired,
    ReservationNotFound,
    ReservationNotPayable,
    check_payable,
    confirm,
    lock_for_payment,
    lock_reservation,
    lock_reservations,
    priced,
    set_payment,
)
from reservations.operations.reclaim import Reclaimed, lock_to_settle, reclaim
from reservations.operations.staff import (
    add_halt,
    change_policy,
    lift_halts,
    make_inventory,
    new_policy,
    set_blocked,
)
from reservations.operations.substitutes import Substitute, end_substitute, hold_instead

__all__ = [
    "Confirmation",
    "LockedReservation",
    "NewHold",
    "Reclaimed",
    "ReservationExpired",
    "ReservationNotFound",
    "ReservationNotPayable",
    "SeatsNotSold",
    "Substitute",
    "add_halt",
    "cancel_seats",
    "change_policy",
    "check_payable",
    "confirm",
    "end_hold",
    "end_substitute",
    "expire_lapsed",
    "free_seats",
    "hold_instead",
    "lift_halts",
    "lock_for_payment",
    "lock_reservation",
    "lock_reservations",
    "lock_to_settle",
    "make_inventory",
    "move_deadline",
    "new_policy",
    "open_payment_window",
    "priced",
    "prolong",
    "reclaim",
    "set_blocked",
    "set_payment",
    "take_seats",
    "write_holds",
]
