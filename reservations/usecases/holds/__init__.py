"""Holds: place, extend, give up, and tidy those whose time has passed."""

from accounts.errors import AccountClosed
from reservations.operations import ReservationNotFound
from reservations.usecases.holds.errors import (
    ExtensionLimit,
    HoldBackoff,
    NoSeatsMatch,
    OrphanSeat,
    PaymentInProgress,
    PerformanceCancelled,
    ReservationNotPending,
    SaleClosed,
    SaleNotOpen,
    SalePaused,
    SeatLimitExceeded,
    SeatNotFound,
    SeatTaken,
    SelectionInvalid,
)
from reservations.usecases.holds.extend import extend
from reservations.usecases.holds.place import (
    decide_all,
    place,
    place_at_once,
    place_best,
    place_many,
)
from reservations.usecases.holds.placement import Placement
from reservations.usecases.holds.preconditions import check_open
from reservations.usecases.holds.release import expire_lapsed, release, release_by_staff
from reservations.usecases.holds.turns import HoldRequest

__all__ = [
    "AccountClosed",
    "ExtensionLimit",
    "HoldBackoff",
    "HoldRequest",
    "NoSeatsMatch",
    "OrphanSeat",
    "PaymentInProgress",
    "PerformanceCancelled",
    "Placement",
    "ReservationNotFound",
    "ReservationNotPending",
    "SaleClosed",
    "SaleNotOpen",
    "SalePaused",
    "SeatLimitExceeded",
    "SeatNotFound",
    "SeatTaken",
    "SelectionInvalid",
    "check_open",
    "decide_all",
    "expire_lapsed",
    "extend",
    "place",
    "place_at_once",
    "place_best",
    "place_many",
    "release",
    "release_by_staff",
]
