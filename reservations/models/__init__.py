"""Who has which seat: sale policies and halts, seats on sale, reservations."""

from reservations.models.reservations import Reservation, ReservationSeat
from reservations.models.sale import HALT_REASON_LENGTH, SaleHalt, SalePolicy
from reservations.models.seats import SeatInventory

__all__ = [
    "HALT_REASON_LENGTH",
    "Reservation",
    "ReservationSeat",
    "SaleHalt",
    "SalePolicy",
    "SeatInventory",
]
