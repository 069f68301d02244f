"""A room: one watched document, its last events, and who listens to it.

Note [One log a room]
An event is encoded once and kept once, for as long as it may be repeated, whatever the number of
listeners. A listener is a place in that log: what it has not got yet is what stands behind it. So a
slow reader costs no memory of its own; past the buffer's size it is cut, and comes back.

Note [Written where it is made]
Of thousands of listeners nearly all have got everything before an event comes. Such a one needs no
turn of its own task: the event, framed once for all, is written to its connection there and then,
which is less than half the work (`python -m bench stream`). A task wakes for the greeting, for a
reader whose connection is full, and for the end.

Note [Ids of events]
An id is the room's own name, made by chance when the room is made, and the event's place in the
log. Who comes back with an id of another process, or of an event that is no longer kept, reads the
document again (`reload`).
"""

import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from stream import metrics
from stream.documents import FEEDS, RELOAD, Document, StreamEvent, alive
from stream.listeners import Listener
from stream.settings import Settings

REPEATED_SECONDS = 60.0
HEARTBEAT_SECONDS = 15.0
_COMMENT = b": heartbeat\n"
_DIGITS = 15  # of an id that may be one of ours


class TooSlow(Exception):
    """More waits for a reader than its buffer holds."""


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event as it is sent, and when it was made (the loop's clock)."""

    at: float
    chunk: bytes


class Room:
    """One document of one performance; to be used on one event loop, whose time is `now`."""

    def __init__(self, kind: str, performance_id: str, settings: Settings) -> None:
        self.kind = kind
        self.performance_id = performance_id
        self.feed = FEEDS[kind]()
        self.listeners: set[Listener] = set()
        self.name = secrets.token_hex(4)
        self.position = 0  # of the newest entry; the first one is 1
        self.is_over = False
        self.read_at = 0.0  # when the newest document came
        self.sent_at = 0.0  # when anything was sent to all
        self.left_at = 0.0  # when the last listener left
        self._log: deque[SentEvent] = deque()
        self._bytes = 0
        self._settings = settings

    @property
    def key(self) -> tuple[str, str]:
        """Return which document it is."""
        return self.kind, self.performance_id

    def take(self, document: Document, now: float) -> None:
        """Send the news of a reading to all. Raises BadDocument."""
        found = self.feed.take(document)
        self.read_at = now
        self.sent_at = self.sent_at or now
        for event in found:
            self._publish(event, now)

    def beat(self, now: float) -> None:
        """Send a heartbeat if nothing else was sent for a while."""
        if now - self.sent_at >= HEARTBEAT_SECONDS:
            self._append(_COMMENT + encoded_event(alive(self.feed)), now)

    def end(self, now: float) -> None:
        """Send all listeners to read the document, and end: it is there no more."""
        self.is_over = True
        self._publish(RELOAD, now)
        for listener in self.listeners:
            listener.wake()

    def greeting(self, last_id: str | None, now: float) -> tuple[bytes, int]:
        """Return what a listener begins with, and its place in the log.

        Who comes back with a known id gets what followed it; with another one, `reload`.
        """
        start = b""
        self._trim(now)
        known = self._known(last_id)
        if last_id is not None:
            metrics.resumed.labels("reloaded" if known is None else "repeated").inc()
        if known is not None:
            # The newest status says all that those before it said.
            start = b"" if self.kind == "queue" else self._behind(known)
        elif last_id is not None:
            start = encoded_event(RELOAD)
        return start + encoded_event(self.feed.greeting(), self._id()), self.position

    def after(self, position: int) -> bytes:
        """Return what follows a place in the log. Raises TooSlow."""
        missing = self.position - position
        if missing > len(self._log):
            raise TooSlow
        if missing == 1:
            return self._log[-1].chunk
        chunk = b"".join(entry.chunk for entry in self._last(missing))
        if len(chunk) > self._settings.buffer_bytes:
            raise TooSlow
        return chunk

    def _publish(self, event: StreamEvent, now: float) -> None:
        metrics.events.labels(self.kind, event.name).inc()
        self._append(encoded_event(event, self._id(self.position + 1)), now)

    def _append(self, chunk: bytes, now: float) -> None:
        self.position += 1
        self.sent_at = now
        self._log.append(SentEvent(now, chunk))
        self._bytes += len(chunk)
        self._trim(now)
        framed = b"%x\r\n%b\r\n" % (len(chunk), chunk)
        for listener in self.listeners:
            listener.take(framed, self.position)

    def _trim(self, now: float) -> None:
        """Drop what is no longer repeated; the newest entry may still be under way."""
        while len(self._log) > 1 and (
            self._bytes > self._settings.room_bytes or now - self._log[0].at > REPEATED_SECONDS
        ):
            self._bytes -= len(self._log.popleft().chunk)

    def _known(self, last_id: str | None) -> int | None:
        """Return the place of an id whose followers are all kept."""
        name, _, digits = (last_id or "").partition("-")
        if name != self.name or not digits.isdecimal() or len(digits) > _DIGITS:
            return None
        position = int(digits)
        return position if 0 <= self.position - position <= len(self._log) else None

    def _behind(self, position: int) -> bytes:
        return b"".join(entry.chunk for entry in self._last(self.position - position))

    def _last(self, number: int) -> Sequence[SentEvent]:
        return list(self._log)[len(self._log) - number :] if number else []

    def _id(self, position: int | None = None) -> str:
        return f"{self.name}-{self.position if position is None else position}"


def encoded_event(event: StreamEvent, identity: str | None = None) -> bytes:
    """Return an event in the form of the stream (HTML Standard, 9.2.6)."""
    first = f"id: {identity}\n" if identity else ""
    return f"{first}event: {event.name}\ndata: {event.data}\n\n".encode()
