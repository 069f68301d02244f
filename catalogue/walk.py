"""A small HTTP client for `manage.py buy`: JSON in and out over one kept connection."""

import http.client
import json
import time
from collections.abc import Container
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30


class SiteAway(Exception):
    """The site gave no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON body (text where it is none)."""

    status: int
    body: Any
    milliseconds: float

    @property
    def code(self) -> str:
        """Return the problem's code, empty for what is no problem document."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    @property
    def reason(self) -> str:
        """Return what went wrong in a word or two: the problem's code and detail if it is one."""
        if self.code:
            return f"{self.code}: {self.body.get('detail', '')}"
        return str(self.body)[:200]


class Site:
    """One site and, after login, one fan's access token."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SiteAway(f"{base_url} is no http(s) address")
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._base_url = base_url
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)
        self.access_token = ""

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def send(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> Answer:
        """Send a request and return the answer; raises `SiteAway`."""
        sent = {"Accept": "application/json", **headers}
        if self.access_token:
            sent["Authorization"] = f"Bearer {self.access_token}"
        content = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = json.dumps(body).encode()
        began = time.perf_counter()
        try:
            self._connection.request(method, path, content, sent)
            response = self._connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise SiteAway(f"{self._base_url} does not answer: {error}") from error
        milliseconds = (time.perf_counter() - began) * 1000
        try:
            answer = json.loads(raw) if raw else None
        except ValueError:
            answer = raw.decode(errors="replace")
        return Answer(response.status, answer, milliseconds)


def free_seats(
    seat_map: dict[str, Any], statuses: str, count: int, *, but_not: Container[str] = ()
) -> list[str]:
    """Return up to `count` free seats: neighbours of one row if there are, else any."""
    anywhere: list[str] = []
    for section in seat_map["sections"]:
        for row in section["rows"]:
            beside: list[str] = []
            for seat in row["seats"]:
                if statuses[seat["index"]] != "A" or seat["id"] in but_not:
                    beside = []
                    continue
                beside.append(seat["id"])
                anywhere.append(seat["id"])
                if len(beside) == count:
                    return beside
    return anywhere[:count]
