"""URLs of the waiting room."""

from django.urls import path

from queueing.api.views import MyPlaceView, QueueView

urlpatterns = [
    path("performances/<uuid:performance_id>/queue/", QueueView.as_view(), name="queue"),
    path("performances/<uuid:performance_id>/queue/me/", MyPlaceView.as_view(), name="queue-me"),
]
