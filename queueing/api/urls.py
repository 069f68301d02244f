"""URLs of the waiting room."""

from django.urls import path

from queueing.api.draw_views import DrawView, RosterView
from queueing.api.views import MyPlaceView, QueueView

urlpatterns = [
    path("performances/<uuid:performance_id>/queue/", QueueView.as_view(), name="queue"),
    path("performances/<uuid:performance_id>/queue/me/", MyPlaceView.as_view(), name="queue-me"),
    path("performances/<uuid:performance_id>/draw/", DrawView.as_view(), name="draw"),
    path("performances/<uuid:performance_id>/draw/roster/", RosterView.as_view(), name="roster"),
]
