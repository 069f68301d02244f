"""Hold seats, give them up, and tidy holds whose time has passed."""

from reservations.operations import ReservationNotFound
from reservations.usecases.holds.ending import expire_lapsed, release
from reservations.usecases.holds.errors import (
    PaymentInProgress,
    PerformanceCancelled,
    SaleClosed,
    SaleNotOpen,
    SalePaused,
    SeatLimitExceeded,
    SeatNotFound,
    SeatTaken,
    SelectionInvalid,
)
from reservations.usecases.holds.placing import place

__all__ = [
    "PaymentInProgress",
    "PerformanceCancelled",
    "ReservationNotFound",
    "SaleClosed",
    "SaleNotOpen",
    "SalePaused",
    "SeatLimitExceeded",
    "SeatNotFound",
    "SeatTaken",
    "SelectionInvalid",
    "expire_lapsed",
    "place",
    "release",
]
