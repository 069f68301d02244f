"""A cached document: its final bytes, its headers, and the markers it was built under."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from kernel import clock


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a builder returns: the final bytes, and how long caches outside may keep them.

    `version` names the content where two bodies that differ mean the same (they then share a
    weak entity tag); without it the tag is strong, a hash of the bytes.
    """

    body: bytes
    cache_control: str
    version: str = ""

    @property
    def etag(self) -> str:
        """Return the entity tag, quoted."""
        if self.version:
            return f'W/"{sha256(self.version.encode()).hexdigest()[:32]}"'
        return f'"{sha256(self.body).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Document:
    """The final bytes of a response, its caching headers, and what they depend on.

    `markers` are those of its dependencies when its build began (empty when unknown).
    """

    body: bytes
    etag: str
    cache_control: str
    built_at: datetime
    markers: tuple[str, ...] = ()

    def is_younger_than(self, limit: timedelta, now: datetime) -> bool:
        """Say whether its age is below `limit`, or another host's clock ahead by less than that."""
        return abs(now - self.built_at) < limit


def document_of(
    rendered: Rendered, *, built_at: datetime, markers: tuple[str, ...] = ()
) -> Document:
    """Return the document of what a builder returned."""
    return Document(rendered.body, rendered.etag, rendered.cache_control, built_at, markers)


def encode(document: Document) -> bytes:
    """Return one byte string: a line of JSON about the document, then its body."""
    head = {
        "etag": document.etag,
        "cache_control": document.cache_control,
        "built_at": clock.to_ms(document.built_at),
        "markers": document.markers,
    }
    return json.dumps(head).encode() + b"\n" + document.body


def decode(raw: bytes) -> Document | None:
    """Return the document; None where another release wrote another form."""
    head, _, body = raw.partition(b"\n")
    try:
        facts = json.loads(head)
        return Document(
            body,
            facts["etag"],
            facts["cache_control"],
            clock.from_ms(facts["built_at"]),
            tuple(facts["markers"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
