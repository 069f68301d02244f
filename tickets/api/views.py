"""The views of the caller's tickets."""

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.permissions import IsFan
from kernel import clock
from kernel.caller import caller_of
from kernel.http.pagination import NewestFirst
from kernel.http.serializers import ProblemSerializer
from reservations import queries as reservation_queries
from reservations.operations import ReservationNotFound
from tickets import ics, pdf, queries
from tickets.api.serializers import TicketListSerializer, TicketSerializer
from tickets.errors import TicketNotFound
from tickets.queries import TicketDetail

_EXAMPLE = {
    "id": "01994d2e-7c1a-7e11-8b0e-5d2f4a6c8e10",
    "code": "7KX2M9QWE4TZ",
    "status": "VALID",
    "reservation_id": "01994d2e-7c1a-7f20-9a50-0c7b1b3e9d11",
    "performance": {
        "id": "01994d2e-7c1a-7c55-9e3d-1f2a3b4c5d6e",
        "title": "Autumn Night",
        "starts_at": "2026-12-24T10:00:00.000Z",
        "venue": "Jamsil Arena",
    },
    "seat": {
        "id": "01994d2e-7c1a-7a31-8b0e-5d2f4a6c8e10",
        "section": "A",
        "row": "3",
        "number": "12",
    },
    "qr": "%50N5KJE5BVJDOE9BQ3OKN7P54C8RO3VF5%JF9ABO0AJN QI+.D 8EK/09X9P"
    "OJ*XAV5V*ZM0T37SG2/F/-TC-B:6912EBN2Y3VV1H9%GX:K-1N5ORK%K4%760",
    "issued_at": "2026-11-21T09:01:00.000Z",
}


class TicketsView(APIView):
    """The caller's tickets."""

    permission_classes = (IsFan,)
    pagination_class = NewestFirst

    @extend_schema(
        operation_id="tickets_list",
        tags=["tickets"],
        summary="List my tickets, newest first",
        responses={
            200: TicketSerializer(many=True),
            401: ProblemSerializer,
            404: ProblemSerializer,
        },
        filters=True,
        examples=[OpenApiExample("Ticket", response_only=True, value=_EXAMPLE)],
    )
    def get(self, request: Request) -> Response:
        """List the caller's tickets."""
        paginator = self.pagination_class()
        rows = queries.mine(user_id=caller_of(request).user_id)
        page = paginator.paginate_queryset(rows, request, view=self)
        return paginator.get_paginated_response(
            TicketSerializer(queries.details(page or []), many=True).data
        )


class TicketView(APIView):
    """One ticket of the caller."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="tickets_retrieve",
        tags=["tickets"],
        summary="Look at my ticket",
        responses={200: TicketSerializer, 401: ProblemSerializer, 404: ProblemSerializer},
        examples=[OpenApiExample("Ticket", response_only=True, value=_EXAMPLE)],
    )
    def get(self, request: Request, ticket_id: UUID) -> Response:
        """Return the ticket; others' answer 404."""
        return Response(TicketSerializer(_own_ticket(request, ticket_id)).data)


class TicketPdfView(APIView):
    """One ticket of the caller as a page to print."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="tickets_pdf",
        tags=["tickets"],
        summary="Print my ticket",
        description="One page in Korean or English (`Accept-Language`) with the QR code.",
        responses={
            (200, "application/pdf"): OpenApiTypes.BINARY,
            401: ProblemSerializer,
            404: ProblemSerializer,
        },
    )
    def get(self, request: Request, ticket_id: UUID) -> HttpResponse:
        """Return the ticket as a PDF; others' answer 404."""
        found = _own_ticket(request, ticket_id)
        return _file(pdf.page_of(found), "application/pdf", f"ticket-{found.code}.pdf")


class TicketCalendarView(APIView):
    """The performance of one ticket of the caller as a calendar entry."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="tickets_calendar",
        tags=["tickets"],
        summary="Put my ticket into a calendar",
        description="An iCalendar file (RFC 5545), in Korean or English (`Accept-Language`).",
        responses={
            (200, "text/calendar"): OpenApiTypes.STR,
            401: ProblemSerializer,
            404: ProblemSerializer,
        },
    )
    def get(self, request: Request, ticket_id: UUID) -> HttpResponse:
        """Return the entry; others' answer 404."""
        found = _own_ticket(request, ticket_id)
        return _file(ics.entry_of(found), "text/calendar; charset=utf-8", f"{found.code}.ics")


def _own_ticket(request: Request, ticket_id: UUID) -> TicketDetail:
    found = queries.find(ticket_id=ticket_id, user_id=caller_of(request).user_id)
    if found is None:
        raise TicketNotFound
    return found


def _file(content: bytes, content_type: str, name: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


class ReservationTicketsView(APIView):
    """The tickets of one reservation of the caller."""

    permission_classes = (IsFan,)

    @extend_schema(
        operation_id="reservations_tickets",
        tags=["tickets"],
        summary="List the tickets of my reservation",
        responses={
            200: TicketListSerializer,
            401: ProblemSerializer,
            404: ProblemSerializer,
        },
    )
    def get(self, request: Request, reservation_id: UUID) -> Response:
        """Return the tickets in seat order; none before it is paid; others' answer 404."""
        user_id = caller_of(request).user_id
        found = queries.of_reservation(reservation_id=reservation_id, user_id=user_id)
        if not found and not reservation_queries.find(
            reservation_id=reservation_id, user_id=user_id, now=clock.now()
        ):
            raise ReservationNotFound
        return Response(
            {
                "results": TicketSerializer(found, many=True).data,
                "next": None,
                "previous": None,
            }
        )
