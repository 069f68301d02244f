"""A board that stands open: it asks as `ui/src/board/element.ts` does, and notes what came back."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import httpx

EVERY = 2.0  # seconds, after what was asked has come
_CALL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look: `received` by the monotonic clock, `seconds` for its responses, `age` of figures.

    `sold` is how many seats they say are sold.
    """

    received: float
    seconds: float
    age: float
    sold: int


class OpenBoard:
    """The board of one performance in a browser of staff, whose session is the cookie."""

    def __init__(self, url: str, performance_id: str, cookie: tuple[str, str]) -> None:
        name, value = cookie
        self._http = httpx.Client(
            base_url=url,
            headers={"Cookie": f"{name}={value}"},
            timeout=_CALL_SECONDS,
            trust_env=False,
        )
        self._page = f"/en/staff/performances/{performance_id}/"
        self._availability = f"/api/v1/performances/{performance_id}/availability/"
        self._etag = ""

    def open(self) -> None:
        """Load the page; raises `httpx.HTTPStatusError` where it is refused."""
        self._http.get(self._page).raise_for_status()

    def look(self) -> Look:
        """Ask once: the figures, then how each seat stands."""
        began = time.monotonic()
        figures = self._http.get(f"{self._page}figures/").raise_for_status().json()
        received, now = time.monotonic(), time.time()
        headers = {"If-None-Match": self._etag} if self._etag else {}
        seats = self._http.get(self._availability, headers=headers)
        if seats.status_code != httpx.codes.NOT_MODIFIED:
            self._etag = seats.raise_for_status().headers.get("ETag", "")
        return Look(
            received=received,
            seconds=time.monotonic() - began,
            age=now - datetime.fromisoformat(figures["as_of"]).timestamp(),
            sold=figures["seats"]["reserved"],
        )

    @contextmanager
    def asking(self) -> Iterator[list[Look]]:
        """Look every two seconds beside the block; yields the looks.

        Raises RuntimeError where one was refused.
        """
        looks: list[Look] = []
        failures: list[Exception] = []
        closed = threading.Event()

        def go_on() -> None:
            try:
                while not closed.wait(EVERY):
                    looks.append(self.look())
            except (httpx.HTTPError, KeyError, ValueError) as error:
                failures.append(error)

        thread = threading.Thread(target=go_on)
        self.open()
        thread.start()
        try:
            yield looks
        finally:
            closed.set()
            thread.join()
        if failures:
            raise RuntimeError(f"the board was refused: {failures[0]!r}") from failures[0]
