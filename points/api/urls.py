"""Addresses of points."""

from django.urls import path

from points.api.views import BalanceView, EntriesView

urlpatterns = [
    path("points/", BalanceView.as_view(), name="points-balance"),
    path("points/entries/", EntriesView.as_view(), name="points-entries"),
]
