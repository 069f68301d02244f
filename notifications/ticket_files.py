"""The tickets of a reservation as files of its letter: one PDF, one calendar entry."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from notifications.attachments import Attachment
from tickets import ics, pdf, queries
from tickets.models import Ticket


def ticket_files(data: Mapping[str, Any]) -> Iterator[Attachment]:
    """Yield the files of the tickets that are not void by now; none without such tickets.

    A page for each ticket; the calendar entry is one for all of them.
    """
    found = queries.of_reservation(
        reservation_id=UUID(str(data["reservation_id"])), user_id=UUID(str(data["user_id"]))
    )
    tickets = [ticket for ticket in found if ticket.status != Ticket.Status.VOID]
    if not tickets:
        return
    yield Attachment("tickets.pdf", pdf.pages_of(tickets), "application/pdf")
    yield Attachment("performance.ics", ics.entry_of_all(tickets), "text/calendar")
