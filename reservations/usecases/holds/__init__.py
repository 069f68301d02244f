"""Hold seats, give them up, and tidy holds whose time has passed."""

from reservations.operations import ReservationNotFound
from reservations.usecases.holds.ending import expire_lapsed, release
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
from reservations.usecases.holds.extending import extend
from reservations.usecases.holds.placing import place, place_best

__all__ = [
    "ExtensionLimit",
    "HoldBackoff",
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
    "place_best",
    "release",
]
