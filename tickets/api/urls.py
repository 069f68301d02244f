"""The URLs of tickets and of the door."""

from django.urls import path

from tickets.api.checkins import AdmissionListView, CheckinBatchView, CheckinsView, CheckinView
from tickets.api.views import (
    ReservationTicketsView,
    TicketCalendarView,
    TicketPdfView,
    TicketsView,
    TicketView,
)

urlpatterns = [
    path("tickets/", TicketsView.as_view(), name="tickets"),
    path("tickets/<uuid:ticket_id>/", TicketView.as_view(), name="ticket"),
    path("tickets/<uuid:ticket_id>.pdf", TicketPdfView.as_view(), name="ticket-pdf"),
    path("tickets/<uuid:ticket_id>.ics", TicketCalendarView.as_view(), name="ticket-calendar"),
    path(
        "reservations/<uuid:reservation_id>/tickets/",
        ReservationTicketsView.as_view(),
        name="reservation-tickets",
    ),
    path("checkins/", CheckinsView.as_view(), name="checkins"),
    path("checkins/batch/", CheckinBatchView.as_view(), name="checkin-batch"),
    path("checkins/<uuid:checkin_id>/", CheckinView.as_view(), name="checkin"),
    path(
        "performances/<uuid:performance_id>/admission-list/",
        AdmissionListView.as_view(),
        name="admission-list",
    ),
]
