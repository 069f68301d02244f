"""The HTTP client of `manage.py buy`: JSON in and out over one kept connection."""

import json
import ssl
import time
from collections.abc import Container
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx

TIMEOUT_SECONDS = 30


class SiteUnavailable(Exception):
    """The site sends no response."""


@dataclass(frozen=True, slots=True)
class SiteResponse:
    """A status and the JSON body, or the text of a body that is no JSON."""

    status: int
    body: Any
    milliseconds: float

    @property
    def code(self) -> str:
        """Return the code of a problem document; empty for any other body."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    @property
    def reason(self) -> str:
        """Return what went wrong, briefly: the code and detail of a problem document."""
        if self.code:
            return f"{self.code}: {self.body.get('detail', '')}"
        return str(self.body)[:200]


class Site:
    """One site and, after login, one fan's access token."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SiteUnavailable(f"{base_url} is no http(s) URL")
        self._base_url = base_url
        # Straight to the site, which the machine's own certificates vouch for.
        self._client = httpx.Client(
            base_url=f"{parts.scheme}://{parts.netloc}",
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
            # An app's calls have a token; fastpath leaves those with a cookie to the API.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            verify=ssl.create_default_context(),
        )
        self.access_token = ""

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def send(
        self, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
    ) -> SiteResponse:
        """Send a request and return the response. Raises `SiteUnavailable`."""
        sent = {"Accept": "application/json", **headers}
        if self.access_token:
            sent["Authorization"] = f"Bearer {self.access_token}"
        payload = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            payload = json.dumps(body).encode()
        began = time.perf_counter()
        try:
            response = self._client.request(method, path, content=payload, headers=sent)
        except httpx.HTTPError as error:
            raise SiteUnavailable(f"{self._base_url} does not answer: {error}") from error
        milliseconds = (time.perf_counter() - began) * 1000
        try:
            content = json.loads(response.content) if response.content else None
        except ValueError:
            content = response.content.decode(errors="replace")
        return SiteResponse(response.status_code, content, milliseconds)


def free_seats(
    seat_map: dict[str, Any], statuses: str, count: int, *, taken: Container[str] = ()
) -> list[str]:
    """Return up to `count` free seats: neighbours in one row if there are any, else single ones."""
    anywhere: list[str] = []
    for section in seat_map["sections"]:
        for row in section["rows"]:
            beside: list[str] = []
            for seat in row["seats"]:
                if statuses[seat["index"]] != "A" or seat["id"] in taken:
                    beside = []
                    continue
                beside.append(seat["id"])
                anywhere.append(seat["id"])
                if len(beside) == count:
                    return beside
    return anywhere[:count]
