"""A fan's tickets: on the screen, to print, for the calendar."""

from datetime import timedelta
from uuid import UUID

import segno
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from kernel import clock
from kernel.http.methods import safe_only
from kernel.http.service_worker import service_worker
from storefront.private import Visit, private, private_page
from tickets import codes, ics, pdf, queries
from tickets.api.serializers import TicketSerializer
from tickets.errors import TicketNotFound
from tickets.queries import TicketDetail

_QUIET = 4  # modules around the code, as ISO 18004 asks
# How long after the start a device may keep a ticket that was opened on it (ui/src/tickets).
_KEPT = timedelta(days=1)


@private("GET", "HEAD")
def ticket(visit: Visit, ticket_id: UUID) -> HttpResponseBase:
    """Show a ticket with its QR code; one that is void or used says so."""
    found = _own(visit, ticket_id)
    keeper = reverse("storefront:ticket-keeper")
    response = private_page(
        visit,
        "storefront/ticket.html",
        "ticket",
        data={"ticket": TicketSerializer(found).data, "urls": {"keeper": keeper}},
        script="ticket.js",
        ticket=found,
        code=codes.spoken(found.code),
        picture=_picture(found.qr) if found.status != "VOID" else None,
    )
    if found.status != "VOID":
        until = found.performance.starts_at + _KEPT
        response.headers["Ticket-Kept-Until"] = clock.as_text(until)
    return response


@safe_only
def keeper(request: HttpRequest) -> HttpResponseBase:
    """Return the service worker of tickets; its scope are the addresses below its own folder."""
    return service_worker(request, "ticket-keeper.js")


@private("GET", "HEAD")
def ticket_pdf(visit: Visit, ticket_id: UUID) -> HttpResponseBase:
    """Return a ticket as a page to print."""
    found = _own(visit, ticket_id)
    return _file(pdf.page_of(found), "application/pdf", f"ticket-{found.code}.pdf")


@private("GET", "HEAD")
def ticket_calendar(visit: Visit, ticket_id: UUID) -> HttpResponseBase:
    """Return a ticket's performance as a calendar entry."""
    found = _own(visit, ticket_id)
    return _file(ics.entry_of(found), "text/calendar; charset=utf-8", f"{found.code}.ics")


def _own(visit: Visit, ticket_id: UUID) -> TicketDetail:
    found = queries.find(ticket_id=ticket_id, user_id=visit.user_id)
    if found is None:
        raise TicketNotFound
    return found


def _picture(payload: str) -> SafeString:
    """Return the QR code as an SVG element, black on white whatever the theme."""
    code = segno.make_qr(payload, error="m", boost_error=False)
    svg = code.svg_inline(border=_QUIET, omitsize=True, light="#fff", dark="#000")
    return mark_safe(svg)  # noqa: S308  (made of squares by a library)


def _file(content: bytes, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
