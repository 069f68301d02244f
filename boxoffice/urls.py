"""The addresses of the pages for staff, under `/ko/staff/` and `/en/staff/`."""

from django.urls import path

from boxoffice.views import performances, queue

app_name = "boxoffice"
_ONE = "performances/<uuid:performance_id>/"
urlpatterns = [
    path("", performances.home, name="home"),
    path(_ONE, performances.board, name="board"),
    path(f"{_ONE}figures/", performances.figures, name="figures"),
    path(f"{_ONE}queue/", queue.controls, name="queue"),
]
