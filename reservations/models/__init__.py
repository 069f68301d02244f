"""Who has which seat: sale policies and halts, seats on sale, reservations."""

from reservations.models.reservations import Reservation, ReservationSeat
from reservations.models.sale import SaleHalt, SalePolicy
from reservations.models.seats import SeatInventory

__all__ = ["Reservation", "ReservationSeat", "SaleHalt", "SalePolicy", "SeatInventory"]
