"""Clients for tests that send what no honest client would (tests/support/hostile.py)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.models import User
from kernel.http import call_limits
from kernel.rate_limiting import throttle
from tests.support.hostile import Caller, token_of
from tests.support.waiting_rooms import place_url


@pytest.fixture
def caller(fan: User) -> Caller:
    """Return a client logged in as `fan`."""
    return Caller(token_of(fan))


@pytest.fixture
def nobody(db_ready: None) -> Caller:
    """Return a client without a login."""
    return Caller(None)


@pytest.fixture(params=["view", "application"])
def send(request, api, nothing_counted) -> Callable[..., Any]:
    """Return a client without a login: of Django alone, and of all that stands in front of it."""
    if request.param == "view":
        return lambda method, url, headers: api.generic(method, url, headers=headers)
    return lambda method, url, headers: Caller(None).send(method, url, headers=headers)


@pytest.fixture
def poll(send) -> Callable[..., Any]:
    """Return a call of a room's own place with a queue token and, at will, other headers."""

    def call(room, token: str, method: str = "GET", **headers: str) -> Any:
        return send(method, place_url(room), {"X-Queue-Token": token, **headers})

    return call


@pytest.fixture
def nothing_counted() -> Iterator[None]:
    """Let no limit know anybody yet."""
    call_limits.forget_client_ips()
    throttle.forget_callers()
    yield
    call_limits.forget_client_ips()
    throttle.forget_callers()
