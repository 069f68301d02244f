"""The URLs of tickets."""

from django.urls import path

from tickets.api.views import ReservationTicketsView, TicketsView, TicketView

urlpatterns = [
    path("tickets/", TicketsView.as_view(), name="tickets"),
    path("tickets/<uuid:ticket_id>/", TicketView.as_view(), name="ticket"),
    path(
        "reservations/<uuid:reservation_id>/tickets/",
        ReservationTicketsView.as_view(),
        name="reservation-tickets",
    ),
]
