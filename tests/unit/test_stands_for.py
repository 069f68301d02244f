"""A fast path whose view declares other checks than it makes does not start."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAdminUser
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView

from accounts.api.permissions import IsStaffMember
from fastpath import holds
from fastpath import waiting_room as rooms
from kernel.http import stands_for
from queueing.api.authentication import JoinTokenAuthentication
from queueing.api.views import MyPlaceView, QueueView
from reservations.api.views import ReservationsView

CHANGES = {
    "another permission": (ReservationsView, "permission_classes", (IsStaffMember,)),
    "a further permission": (
        MyPlaceView,
        "permission_classes",
        (*MyPlaceView.permission_classes, IsAdminUser),
    ),
    "no permission": (QueueView, "permission_classes", ()),
    "another limit": (MyPlaceView, "throttle_route", "hold"),
    "a limit of its own": (QueueView, "throttle_route", {"POST": "default", "GET": None}),
    "another throttle": (ReservationsView, "throttle_classes", (AnonRateThrottle,)),
    "another login": (ReservationsView, "authentication_classes", ()),
    "a login only": (MyPlaceView, "get_authenticators", APIView.get_authenticators),
    "a proof beside the login": (
        ReservationsView,
        "authentication_classes",
        (*APIView.authentication_classes, JoinTokenAuthentication),
    ),
    "a proof before the login": (
        MyPlaceView,
        "authentication_classes",
        (JoinTokenAuthentication, *APIView.authentication_classes),
    ),
    "a login by other means beside": (
        ReservationsView,
        "authentication_classes",
        (*APIView.authentication_classes, SessionAuthentication),
    ),
}


def start() -> None:
    with ThreadPoolExecutor(1) as executor:
        holds.Holds(executor, executor)
        rooms.WaitingRooms(executor)


def test_the_views_declare_what_the_fast_paths_check():
    start()


@pytest.mark.parametrize("change", CHANGES)
def test_a_view_that_declares_something_else_stops_the_boot(monkeypatch, change):
    monkeypatch.setattr(*CHANGES[change])
    with pytest.raises(ImproperlyConfigured, match="fast path"):
        start()


@pytest.mark.control
@pytest.mark.parametrize("change", CHANGES)
def test_control_unchecked_the_fast_path_would_start_beside_the_changed_view(monkeypatch, change):
    for module in (rooms, holds):
        monkeypatch.setattr(module, "check_declared", lambda *_: None)
    monkeypatch.setattr(*CHANGES[change])
    assert stands_for.StandsFor  # the module is loaded: nothing else refuses the change
    start()
