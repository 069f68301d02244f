"""Tickets that were sold, without money."""

from datetime import datetime

from accounts.models import User
from concerts.models import Performance
from kernel import clock
from kernel.db.transaction import transaction
from reservations.models import SeatInventory
from tests.support import factories
from tests.support.holding import place
from tickets import operations
from tickets.models import Ticket


def sell(
    user: User, performance: Performance, number: int, *, now: datetime | None = None
) -> list[Ticket]:
    """Sell a fan the first free seats, at most four; return the tickets in seat order."""
    taken = SeatInventory.objects.filter(reservation_id__isnull=False).values_list("pk", flat=True)
    free = [seat for seat in factories.seat_ids(performance) if seat not in set(taken)]
    seats, now = free[:number], now or clock.now()
    held = place(user, performance, seats, now=now)
    sale = operations.SoldSeats(held.id, user.pk, performance.pk, seats)
    with transaction():
        return operations.issue(sales=[sale], now=now)
