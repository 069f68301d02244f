"""Addresses of reservations."""

from django.urls import path

from reservations.api.views import ExtensionView, ReservationsView, ReservationView

urlpatterns = [
    path("reservations/", ReservationsView.as_view(), name="reservations"),
    path("reservations/<uuid:reservation_id>/", ReservationView.as_view(), name="reservation"),
    path("reservations/<uuid:reservation_id>/extend/", ExtensionView.as_view(), name="extension"),
]
