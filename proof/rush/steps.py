"""The steps of a client's life: what it wants to send and when, and what it is to be recorded as.

A life is a generator. It yields a `Step`, or several that are sent at once, and gets the `Answer`s
in the order in which they come; it returns a word for what became of its fan.
"""

import json
import re
import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from proof.history.recorded import Operation
from proof.rush.wire import WireResponse

_RETRY_AFTER = re.compile(rb"\r\nretry-after: (\d+)", re.IGNORECASE)
_STATUSES = re.compile(rb'"statuses":\s?"([ATRB]*)"')
_TOKEN = re.compile(rb'"token":\s?"([^"]+)"')
_PASS = re.compile(rb'"pass":\s?"([^"]+)"')
_POLL_AFTER = re.compile(rb'"poll_after_seconds":\s?([0-9.]+)')
_NUMBER = re.compile(rb'"number":\s?([0-9]+)')
_STATE = re.compile(rb'"state":\s?"([A-Z]+)"')
_ADMITTED_UNTIL = re.compile(rb'"admitted_until":\s?"([^"]+)"')
_FORM = "application/x-www-form-urlencoded"


@dataclass(slots=True)
class Step:
    """One request, due at a moment of the monotonic clock."""

    at: float
    op: str
    sent: bytes
    key: str = ""
    reservation_id: str = ""
    seat_ids: tuple[str, ...] = ()
    method: str = ""  # of a payment
    at_gateway: bool = False  # sent to the payment gateway, not to the site


@dataclass(slots=True)
class Answer:
    """A response, and the record of it, which the life completes."""

    received: WireResponse
    status: str
    record: Operation

    @property
    def is_ok(self) -> bool:
        return self.status[0] == "2"

    @property
    def is_refused(self) -> bool:
        """Whether it says no for good; else the same request may be sent again."""
        return self.status[0] == "4" and self.status not in ("408", "425", "429")

    def json(self) -> Any:
        return json.loads(self.received.body)

    def header(self, name: str) -> str:
        """Return the value of a header field, "" where there is none."""
        for line in self.received.data[: self.received.head].split(b"\r\n")[1:]:
            field, _, value = line.partition(b":")
            if field.lower() == name.encode():
                return value.strip().decode()
        return ""

    def retry_after(self) -> float:
        """Return after how many seconds the server wants to be asked again; 1 where it is mute."""
        found = _RETRY_AFTER.search(self.received.data, 0, self.received.head + 2)
        return float(found[1]) if found else 1.0

    def seat_statuses(self) -> bytes:
        """Return the string of an availability document, empty where there is none."""
        return _first(_STATUSES, self.received)

    def place(self) -> tuple[str, str, str, float]:
        """Return state, join token, pass and the wait until the next poll of a place.

        Number and state go into the record too, and until when an admitted fan may stay.
        """
        received = self.received
        wait, state = _first(_POLL_AFTER, received), _first(_STATE, received).decode()
        self.record.number, self.record.state = int(_first(_NUMBER, received) or 0), state
        if state == "ADMITTED":
            self.record.until = monotonic(_first(_ADMITTED_UNTIL, received).decode())
        return (
            state,
            _first(_TOKEN, received).decode(),
            _first(_PASS, received).decode(),
            float(wait or 1),
        )


Life = Generator[Step | tuple[Step, ...], list[Answer], str]
Part = Generator[Step | tuple[Step, ...], list[Answer], Any]


def _first(pattern: re.Pattern[bytes], received: WireResponse) -> bytes:
    found = pattern.search(received.data, received.head)
    return found[1] if found else b""


class FanCaller:
    """One login at one client IP, and the requests that it sends."""

    def __init__(self, *, client_ip: str, user_id: str, access_token: str) -> None:
        self.user_id = user_id
        self.access_token = access_token
        common = f" HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {client_ip}\r\n"
        self._anybody = common.encode()
        self._at_gateway = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        self._login = f"{common}Authorization: Bearer {access_token}\r\n".encode()

    def read(self, op: str, path: str, *, at: float = 0.0, gzip: bool = False) -> Step:
        """Return the request of a public document."""
        more = b"Accept-Encoding: gzip\r\n\r\n" if gzip else b"\r\n"
        return Step(at or time.monotonic(), op, b"GET " + path.encode() + self._anybody + more)

    def page(self, method: str, path: str, *, at: float = 0.0, form: str = "") -> Step:
        """Return a request of the payment gateway's page, by somebody whom only its URL knows."""
        more = f"Content-Type: {_FORM}\r\nContent-Length: {len(form)}\r\n" if form else ""
        sent = f"{method} {path}".encode() + self._at_gateway + f"{more}\r\n{form}".encode()
        return Step(at or time.monotonic(), "page", sent, at_gateway=True)

    def call(
        self,
        op: str,
        method: str,
        path: str,
        *,
        at: float = 0.0,
        body: object = None,
        queue_token: str = "",
        key: str = "",
        reservation_id: str = "",
        seat_ids: tuple[str, ...] = (),
        paid_by: str = "",
    ) -> Step:
        """Return a request with the login."""
        content = b"" if body is None else json.dumps(body).encode()
        head = self._login
        if queue_token:
            head += f"X-Queue-Token: {queue_token}\r\n".encode()
        if key:
            head += f"Idempotency-Key: {key}\r\n".encode()
        if content:
            head += b"Content-Type: application/json\r\n"
        if method == "POST":
            head += b"Content-Length: %d\r\n" % len(content)
        sent = f"{method} {path}".encode() + head + b"\r\n" + content
        return Step(at or time.monotonic(), op, sent, key, reservation_id, seat_ids, paid_by)


def monotonic(moment: str | None) -> float:
    """Return a moment of the sale's clock, this machine's, by the monotonic one; 0 for none."""
    if not moment:
        return 0.0
    return round(time.monotonic() + datetime.fromisoformat(moment).timestamp() - time.time(), 3)


def new_key() -> str:
    """Return an Idempotency-Key."""
    return str(uuid4())
