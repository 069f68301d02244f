"""The URLs of the catalogue."""

from django.urls import path

from catalogue.api import seat_views, stream_views, views

urlpatterns = [
    path("concerts/", views.ConcertListView.as_view()),
    path("concerts/<uuid:concert_id>/", views.ConcertView.as_view()),
    path("concerts/<uuid:concert_id>/performances/", views.PerformanceListView.as_view()),
    path("performances/<uuid:performance_id>/", views.PerformanceView.as_view()),
    path(
        "performances/<uuid:performance_id>/seatmap/",
        seat_views.SeatMapView.as_view(),
        name="seatmap",
    ),
    path(
        "performances/<uuid:performance_id>/seatmap/outline/",
        seat_views.OutlineView.as_view(),
        name="seatmap-outline",
    ),
    path(
        "performances/<uuid:performance_id>/availability/",
        seat_views.AvailabilityView.as_view(),
        name="availability",
    ),
    path(
        "performances/<uuid:performance_id>/availability/stream/",
        stream_views.AvailabilityStreamView.as_view(),
    ),
    path(
        "performances/<uuid:performance_id>/queue/stream/",
        stream_views.QueueStreamView.as_view(),
    ),
    path(
        "performances/<uuid:performance_id>/seats/",
        seat_views.SeatListView.as_view(),
        name="seats",
    ),
]
