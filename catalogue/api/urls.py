"""The catalogue's addresses."""

from django.urls import path

from catalogue.api import views

urlpatterns = [
    path("concerts/", views.ConcertListView.as_view()),
    path("concerts/<uuid:concert_id>/", views.ConcertView.as_view()),
    path("concerts/<uuid:concert_id>/performances/", views.PerformanceListView.as_view()),
    path("performances/<uuid:performance_id>/", views.PerformanceView.as_view()),
    path("performances/<uuid:performance_id>/seatmap/", views.SeatMapView.as_view()),
    path("performances/<uuid:performance_id>/availability/", views.AvailabilityView.as_view()),
    path("performances/<uuid:performance_id>/seats/", views.SeatListView.as_view()),
]
