"""Call the login API as an app does, and read the letters it sends."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import tokens
from kernel import clock

APP = "/_allauth/app/v1"
PASSWORD = "orange-harbour-97"
EMAIL = "fan@example.com"


def call(method: str, path: str, body: dict | None = None, *, token="", session="") -> Any:
    """Send one call; return the response."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if session:
        headers["X-Session-Token"] = session
    client = Client(headers=headers)
    if body is None:
        return client.generic(method, f"{APP}/{path}")
    return getattr(client, method.lower())(f"{APP}/{path}", body, "application/json")


def bearer(access: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access}"}


def post(path: str, body: dict[str, Any], client: Client | None = None, **more: Any) -> Any:
    """POST to the login API, from a browser or client of the test's own where one is given."""
    return (client or Client()).post(f"{APP}/{path}", body, "application/json", **more)


def sign_up(email: str = EMAIL, password: str = PASSWORD) -> Any:
    return post("auth/signup", {"email": email, "password": password})


def new_login(email: str = EMAIL) -> dict[str, str]:
    """Sign up and return `meta` of the new login: access, refresh and session token."""
    return sign_up(email).json()["meta"]


def log_in(email: str = EMAIL, password: str = PASSWORD, **more: Any) -> Any:
    return post("auth/login", {"email": email, "password": password}, **more)


def log_out(access: str) -> Any:
    return Client().delete(f"{APP}/auth/session", headers=bearer(access))


def refresh(token: str) -> Any:
    return post("tokens/refresh", {"refresh_token": token})


def next_token(token: str) -> str:
    """Trade a refresh token, which must be good, and return the next one."""
    answer = refresh(token)
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]["refresh_token"]


def own_points(access: str) -> Any:
    return Client().get("/api/v1/points/", headers=bearer(access))


def sid_in(access: str) -> str:
    return tokens.read_access_token(access, now=clock.now()).session_id


def new_fan(email: str, password: str = PASSWORD) -> str:
    """Sign up and return the access token."""
    return sign_up(email, password).json()["meta"]["access_token"]


def reauthenticate(token: str, password: str = PASSWORD) -> None:
    """Give the password again."""
    answer = call("POST", "auth/reauthenticate", {"password": password}, token=token)
    assert answer.status_code == 200, answer.content


def code_in(letter: Any) -> str:
    """Return the code that stands alone on a line of a letter."""
    found = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{2,})\s*$", letter.body, re.MULTILINE)
    assert found, letter.body
    return found[1]


def email_addresses(token: str) -> list[tuple[str, bool, bool]]:
    """Return the person's e-mail addresses: (address, verified, primary)."""
    rows = call("GET", "account/email", token=token).json()["data"]
    return sorted((row["email"], row["verified"], row["primary"]) for row in rows)


def add_address(token: str, email: str, mailbox: list) -> None:
    """Add an address and prove it by the code in its mailbox."""
    before = len(mailbox)
    assert call("POST", "account/email", {"email": email}, token=token).status_code == 200
    (letter,) = [letter for letter in mailbox[before:] if letter.to == [email]]
    proved = call("POST", "auth/email/verify", {"key": code_in(letter)}, token=token)
    assert proved.status_code == 200, proved.content


class Time:
    """The clock of every edge, which only the test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: self.now)

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
