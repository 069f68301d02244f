"""The row locks of this app: tickets, by id."""

from collections.abc import Collection
from uuid import UUID

from kernel.db.transaction import require_transaction
from tickets.models import Ticket


def lock_tickets(*, codes: Collection[str]) -> list[Ticket]:
    """Lock the tickets with these codes in key order, with seat, holder and performance read.

    What is decided about a ticket at the door is read after this lock.
    """
    require_transaction()
    rows = Ticket.objects.select_for_update(of=("self",), no_key=True).filter(code__in=codes)
    return list(rows.select_related("seat__section", "user", "performance").order_by("pk"))


def lock_ticket(*, ticket_id: UUID) -> Ticket:
    """Lock one ticket that is there."""
    require_transaction()
    return Ticket.objects.select_for_update(no_key=True).get(pk=ticket_id)


def lock_tickets_of(*, reservation_id: UUID) -> list[Ticket]:
    """Lock the tickets of a reservation that are not void, in key order."""
    require_transaction()
    rows = Ticket.objects.select_for_update(no_key=True).filter(reservation=reservation_id)
    return list(rows.exclude(status=Ticket.Status.VOID).order_by("pk"))
