"""Clients for tests that send what no honest client would (tests/support/hostile.py)."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.api_keys import keys_in_force
from accounts.models import User
from kernel import clock
from kernel.http import call_limits
from kernel.rate_limiting import throttle
from tests.support.hostile import Caller, token_of
from tests.support.service import ServiceTwins
from tests.support.waiting_rooms import place_url


@pytest.fixture
def caller(fan: User) -> Caller:
    """Return a client logged in as `fan`, who is at the door and an integrator too."""
    return Caller(token_of(fan, groups=["door", "integrator"]))


@pytest.fixture
def nobody(db_ready: None) -> Caller:
    """Return a client without a login."""
    return Caller(None)


@pytest.fixture
def no_key_missed() -> Iterator[None]:
    """Let this process have looked for no made-up API key yet."""
    keys_in_force._misses.clear()
    yield
    keys_in_force._misses.clear()


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


@pytest.fixture
def twins(db_ready: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceTwins]:
    """Return Django and the service in front of it, for both of whom time stands still."""
    moment = clock.now().replace(microsecond=123_000)
    monkeypatch.setattr(clock, "now", lambda: moment)
    monkeypatch.setattr("time.time", moment.timestamp)
    throttle.forget_callers()
    yield ServiceTwins()
    throttle.forget_callers()
