"""The two public documents, and the events that they become.

Note [Events of seats]
An event names the seats whose letter differs between two readings, by their new letter, and the
CRC-32 of the whole string afterwards. Who has that string by other ways compares it, and reads the
document again where it differs; so no listener needs to be right about what it missed. Where most
of a hall changes at once, or its layout, the event is `reload` alone: the document is smaller.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

LETTERS = "ATRB"
# More changes than this between two readings are no news but another document.
MOST_CHANGES = 5_000
_BLOCK = 64  # seats that are compared at once: most of them are as they were
# What differs in each reading of a status and says nothing new of the room.
_PASSING = ("as_of", "stream_url")

Document = Mapping[str, Any]


class BadDocument(ValueError):
    """The API sent what the contract does not say."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """An event: its name and its data."""

    name: str
    data: str


RELOAD = StreamEvent("reload", "{}")


class Feed(Protocol):
    """What makes events of the readings of one document."""

    as_of: str

    def take(self, document: Document) -> Sequence[StreamEvent]:
        """Return the events of a new reading, none where nothing changed. Raises BadDocument."""

    def greeting(self) -> StreamEvent:
        """Return what a listener begins with; there was a reading."""


def encoded(document: Any) -> str:
    """Return JSON without needless spaces."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def alive(feed: Feed) -> StreamEvent:
    """Return the event that says until when the last one was seen to be true."""
    return StreamEvent("alive", encoded({"as_of": feed.as_of}))


class StatusFeed:
    """The public status of a waiting room: each event is the whole document."""

    def __init__(self) -> None:
        self.as_of = ""
        self._shown: dict[str, Any] = {}
        self._latest = ""

    def take(self, document: Document) -> Sequence[StreamEvent]:
        """Return `status` if anything but the moment differs. Raises BadDocument."""
        self.as_of = _text(document, "as_of")
        shown = {name: value for name, value in document.items() if name not in _PASSING}
        is_new, self._shown, self._latest = shown != self._shown, shown, encoded(document)
        return [self.greeting()] if is_new else []

    def greeting(self) -> StreamEvent:
        """Return the document as it was read last."""
        return StreamEvent("status", self._latest)


class SeatFeed:
    """The availability of a hall (Note [Events of seats])."""

    def __init__(self) -> None:
        self.as_of = ""
        self._layout = -1
        self._letters = ""
        self._crc = 0

    def take(self, document: Document) -> Sequence[StreamEvent]:
        """Return `seats` or `reload` if a letter differs. Raises BadDocument."""
        layout, letters = document.get("layout_version"), _text(document, "statuses")
        if not isinstance(layout, int) or letters.strip(LETTERS):
            raise BadDocument("this is no availability")
        self.as_of = _text(document, "as_of")
        before, was = self._letters, self._layout
        self._layout, self._letters = layout, letters
        if before == letters and was == layout:
            return []
        self._crc = zlib.crc32(letters.encode())
        if was == -1:
            return []
        if was != layout or len(before) != len(letters):
            return [RELOAD]
        changed = changes(before, letters)
        if sum(map(len, changed.values())) > MOST_CHANGES:
            return [RELOAD]
        return [self._seats(changed)]

    def greeting(self) -> StreamEvent:
        """Return an event without a change: it says which string there is."""
        return self._seats({})

    def _seats(self, changed: Mapping[str, list[int]]) -> StreamEvent:
        said = {"layout_version": self._layout, "as_of": self.as_of, "crc": self._crc}
        return StreamEvent("seats", encoded({**said, **changed}))


def changes(before: str, after: str) -> dict[str, list[int]]:
    """Return the indices at which two strings of one length differ, by the new letter."""
    found: dict[str, list[int]] = {}
    for start in range(0, len(after), _BLOCK):
        old, new = before[start : start + _BLOCK], after[start : start + _BLOCK]
        if old == new:
            continue
        for index, was, now in zip(count(start), old, new, strict=False):
            if was != now:
                found.setdefault(now, []).append(index)
    return found


def _text(document: Document, name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise BadDocument(f"the document has no text {name}")
    return value


FEEDS: Mapping[str, type[StatusFeed] | type[SeatFeed]] = {
    "queue": StatusFeed,
    "availability": SeatFeed,
}
