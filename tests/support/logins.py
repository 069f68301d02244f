"""Log in, refresh and call through the real login API, as phones and pages do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts import tokens
from kernel import clock

APP = "/_allauth/app/v1"
PASSWORD = "orange-harbour-97"
EMAIL = "fan@example.com"


def post(path: str, body: dict[str, Any], client: Client | None = None, **more: Any) -> Any:
    return (client or Client()).post(f"{APP}/{path}", body, "application/json", **more)


def sign_up(email: str = EMAIL) -> dict[str, str]:
    """Return `meta` of a new fan: access, refresh and session token."""
    return post("auth/signup", {"email": email, "password": PASSWORD}).json()["meta"]


def log_in(email: str = EMAIL, password: str = PASSWORD, **more: Any) -> Any:
    return post("auth/login", {"email": email, "password": password}, **more)


def refresh(token: str) -> Any:
    return post("tokens/refresh", {"refresh_token": token})


def next_token(token: str) -> str:
    """Trade a refresh token, which must be good, and return the next one."""
    answer = refresh(token)
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]["refresh_token"]


def log_out(access: str) -> Any:
    return Client().delete(f"{APP}/auth/session", headers=bearer(access))


def bearer(access: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access}"}


def own_points(access: str) -> Any:
    return Client().get("/api/v1/points/", headers=bearer(access))


def sid_in(access: str) -> str:
    return tokens.read_access_token(access, now=clock.now()).session_id


def at_once(n: int, call: Callable[[], Any]) -> list[Any]:
    """Return what `n` threads got that called at the same moment."""
    start = Barrier(n)

    def one(_: int) -> Any:
        start.wait()
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(one, range(n)))


class Time:
    """The clock of every edge, which only the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: self.now)

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
