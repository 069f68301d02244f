"""Holds: place, extend, give up, and tidy those whose time has passed."""

from reservations.operations import ReservationNotFound
from reservations.usecases.holds.batches import Alone
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
from reservations.usecases.holds.place import place, place_at_once, place_best, place_many
from reservations.usecases.holds.release import expire_lapsed, release
from reservations.usecases.holds.turns import HoldRequest

__all__ = [
    "Alone",
    "ExtensionLimit",
    "HoldBackoff",
    "HoldRequest",
    "NoSeatsMatch",
    "OrphanSeat",
    "PaymentInProgress",
    "PerformanceCancelled",
    "ReservationNotFound",
    "ReservationNotPending",
    "SaleClosed",
    "SaleNotOpen",
    "SalePaused",
    "SeatLimitExceeded",
    "SeatNotFound",
    "SeatTaken",
    "SelectionInvalid",
    "expire_lapsed",
    "extend",
    "place",
    "place_at_once",
    "place_best",
    "place_many",
    "release",
]
