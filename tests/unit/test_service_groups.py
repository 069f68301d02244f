"""The processes of the service share its routes: each route belongs to one of them."""

from uuid import uuid4

import pytest

from fastpath.service import FastPathService, Group
from stack.entrance import FASTPATH

ROOM = f"/api/v1/performances/{uuid4()}/"
ROUTES = {
    Group.WAITING_ROOM: [
        ("POST", f"{ROOM}queue/"),
        ("GET", f"{ROOM}queue/"),
        ("GET", f"{ROOM}queue/me/"),
    ],
    Group.SALE: [
        ("GET", f"{ROOM}availability/"),
        ("POST", "/api/v1/reservations/"),
        ("DELETE", f"/api/v1/reservations/{uuid4()}/"),
        ("POST", "/api/v1/payments/"),
    ],
}


def served_by(service: FastPathService) -> list[tuple[str, str]]:
    every = [route for routes in ROUTES.values() for route in routes]
    return [route for route in every if service._route_of(*route) is not None]


@pytest.mark.parametrize("group", Group)
def test_a_process_serves_its_routes_and_hands_over_the_others(group):
    assert served_by(FastPathService(groups=[group])) == ROUTES[group]


def test_alone_it_serves_all():
    assert served_by(FastPathService()) == [route for routes in ROUTES.values() for route in routes]


def test_the_stack_runs_each_group_once():
    assert sorted(FASTPATH.values()) == sorted(Group)
