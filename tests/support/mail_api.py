"""Talk to the login API as an app does, and read the letters it sends."""

import re
from typing import Any

from django.test import Client

APP = "/_allauth/app/v1"
PASSWORD = "orange-harbour-97"


def call(method: str, path: str, body: dict | None = None, *, token="", session="") -> Any:
    """Send one call; return the response."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if session:
        headers["X-Session-Token"] = session
    client = Client(headers=headers)
    if body is None:
        return client.generic(method, f"{APP}/{path}")
    return getattr(client, method.lower())(f"{APP}/{path}", body, "application/json")


def sign_up(email: str, password: str = PASSWORD) -> Any:
    """Sign up."""
    return call("POST", "auth/signup", {"email": email, "password": password})


def log_in(email: str, password: str = PASSWORD) -> Any:
    """Log in."""
    return call("POST", "auth/login", {"email": email, "password": password})


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


def addresses(token: str) -> list[tuple[str, bool, bool]]:
    """Return the person's addresses: (address, verified, primary)."""
    rows = call("GET", "account/email", token=token).json()["data"]
    return sorted((row["email"], row["verified"], row["primary"]) for row in rows)


def add_address(token: str, email: str, mailbox: list) -> None:
    """Add an address and prove it by the code in its mailbox."""
    before = len(mailbox)
    assert call("POST", "account/email", {"email": email}, token=token).status_code == 200
    (letter,) = [letter for letter in mailbox[before:] if letter.to == [email]]
    proved = call("POST", "auth/email/verify", {"key": code_in(letter)}, token=token)
    assert proved.status_code == 200, proved.content
