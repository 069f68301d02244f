"""A ticket as a calendar entry (RFC 5545), in one language."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from icalendar import Calendar, Event

from kernel.i18n import localized, text
from tickets import codes, policy
from tickets.models import Ticket
from tickets.queries import TicketDetail

_PRODUCT = "-//Frontrow//Tickets//EN"
_SEAT = text(en="Seat", ko="좌석")
_CODE = text(en="Ticket", ko="티켓 번호")


def entry_of(ticket: TicketDetail) -> bytes:
    """Return a calendar with the ticket's performance, in the active language.

    The entry keeps its `UID`, so a calendar that imports it again shows new times; that of a void
    ticket is cancelled.
    """
    is_void = ticket.status == Ticket.Status.VOID
    return _calendar([ticket], key=ticket.id, status="CANCELLED" if is_void else "CONFIRMED")


def entry_of_all(tickets: Sequence[TicketDetail]) -> bytes:
    """Return a calendar with one entry for all of a reservation's tickets, none of them void."""
    return _calendar(tickets, key=tickets[0].reservation_id, status="CONFIRMED")


def _calendar(tickets: Sequence[TicketDetail], *, key: UUID, status: str) -> bytes:
    performance = tickets[0].performance
    concert, venue = performance.concert, performance.concert.venue
    minutes = concert.running_minutes or policy.MINUTES_WHERE_UNKNOWN
    entry = Event()
    entry.add("uid", f"{key}@{urlsplit(settings.FRONTROW_URL).hostname}")
    entry.add("dtstamp", tickets[0].issued_at)
    entry.add("dtstart", performance.starts_at)
    entry.add("dtend", performance.starts_at + timedelta(minutes=minutes))
    entry.add("summary", localized(concert, "title"))
    place = f"{localized(venue, 'name')}, {localized(venue, 'address')}"
    entry.add("location", place.removesuffix(", "))
    entry.add("description", "\n".join(_described(ticket) for ticket in tickets))
    entry.add("status", status)
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())


def _described(ticket: TicketDetail) -> str:
    seat = ticket.seat
    return f"{_SEAT} {seat.section} {seat.row}-{seat.number}\n{_CODE} {codes.spoken(ticket.code)}"
