"""The addresses of the pages for staff, under `/ko/staff/` and `/en/staff/`."""

from django.urls import path

from boxoffice.views import layout, performances, preparation, queue, seats

app_name = "boxoffice"
_ONE = "performances/<uuid:performance_id>/"
urlpatterns = [
    path("", performances.home, name="home"),
    path(_ONE, performances.board, name="board"),
    path(f"{_ONE}figures/", performances.figures, name="figures"),
    path(f"{_ONE}queue/", queue.controls, name="queue"),
    path(f"{_ONE}prepare/", preparation.steps, name="prepare"),
    path(f"{_ONE}prepare/put-on-sale/", preparation.put_on_sale, name="put_on_sale"),
    path(f"{_ONE}prepare/publish/", preparation.publish, name="publish"),
    path(f"{_ONE}layout/", layout.upload, name="layout"),
    path(f"{_ONE}seats/", seats.areas, name="seats"),
    path(f"{_ONE}seats/map/", seats.seat_map, name="seat_map"),
]
