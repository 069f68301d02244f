"""The addresses of the pages for staff, under `/ko/staff/` and `/en/staff/`."""

from django.urls import path

from boxoffice.views import (
    approvals,
    fan_deeds,
    fans,
    layout,
    performances,
    preparation,
    queue,
    refunds,
    sale,
    seats,
)

app_name = "boxoffice"
_FAN = "fans/<uuid:fan_id>/"
_ONE = "performances/<uuid:performance_id>/"
urlpatterns = [
    path("", performances.home, name="home"),
    path(_ONE, performances.board, name="board"),
    path(f"{_ONE}figures/", performances.figures, name="figures"),
    path(f"{_ONE}queue/", queue.controls, name="queue"),
    path(f"{_ONE}sale/", sale.controls, name="sale"),
    path(f"{_ONE}prepare/", preparation.steps, name="prepare"),
    path(f"{_ONE}prepare/put-on-sale/", preparation.put_on_sale, name="put_on_sale"),
    path(f"{_ONE}prepare/publish/", preparation.publish, name="publish"),
    path(f"{_ONE}layout/", layout.upload, name="layout"),
    path(f"{_ONE}seats/", seats.areas, name="seats"),
    path(f"{_ONE}seats/map/", seats.seat_map, name="seat_map"),
    path("fans/", fans.look_up, name="fans"),
    path(_FAN, fans.fan, name="fan"),
    path(f"{_FAN}letters/<uuid:letter_id>/", fan_deeds.send_again, name="send_again"),
    path(f"{_FAN}holds/<uuid:reservation_id>/", fan_deeds.release_hold, name="release_hold"),
    path(f"{_FAN}lock-out/", fan_deeds.lock_out, name="lock_out"),
    path(f"{_FAN}points/", fan_deeds.adjust_points, name="adjust_points"),
    path(f"{_FAN}refund/<uuid:reservation_id>/", refunds.refund, name="refund"),
    path("approvals/", approvals.waiting, name="approvals"),
    path("approvals/<uuid:approval_id>/", approvals.decide, name="decide"),
]
