"""A reader of Server-Sent Events."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class EventReader:
    """What comes on one stream; `retries` are the times, in ms, that were named so far."""

    response: httpx.Response
    retries: list[int] = field(default_factory=list)
    last_id: str = ""

    def __post_init__(self) -> None:
        self._lines = self.response.iter_lines()

    def next(self, *names: str) -> dict[str, Any]:
        """Return the next event of these names, of any but `alive` if none is given."""
        for name, data in self.events():
            if name in names or (not names and name != "alive"):
                return {"event": name, **data}
        raise EOFError("the stream has ended")

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield name and data of each event until the end."""
        name, data = "", ""
        for line in self._lines:
            kind, _, value = line.partition(": ")
            match kind:
                case "event":
                    name = value
                case "data":
                    data = value
                case "id":
                    self.last_id = value
                case "retry":
                    self.retries.append(int(value))
            if not line and name:
                yield name, json.loads(data)
                name = ""


@contextmanager
def listening(
    client: httpx.Client, path: str, *, last_id: str | None = None, seconds: float = 30
) -> Iterator[EventReader]:
    """Listen to a stream, which must begin; one whose document is not had yet is asked again."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_id} if last_id else {})
    deadline = time.monotonic() + seconds
    while True:
        with client.stream("GET", path, headers=headers) as response:
            if response.status_code == httpx.codes.OK:
                yield EventReader(response)
                return
            response.read()
        is_passing = response.json()["code"] == "unavailable" and time.monotonic() < deadline
        assert is_passing, f"{response.status_code}: {response.text}"
