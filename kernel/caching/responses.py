"""What `kernel.caching.shared` keeps: documents, a bounded store in the process, flights."""

import json
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from kernel import clock
from kernel.errors import DomainError

LOCAL_ENTRIES = 512
LOCAL_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Built:
    """What a builder returns: the final bytes and how caches outside may keep them.

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
    """The final bytes of an answer, what belongs to them in headers, and what they rest on.

    `markers` are those of its dependencies when its building began (empty when unknown).
    """

    body: bytes
    etag: str
    cache_control: str
    built_at: datetime
    markers: tuple[str, ...] = ()

    def is_younger_than(self, limit: timedelta, now: datetime) -> bool:
        """Say whether its age is below `limit`; of another host's future, by as much."""
        return abs(now - self.built_at) < limit


def document_of(built: Built, *, built_at: datetime, markers: tuple[str, ...] = ()) -> Document:
    """Return the document of what a builder returned."""
    return Document(built.body, built.etag, built.cache_control, built_at, markers)


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


class LocalDocuments:
    """Documents kept in this process: the least recently used go first."""

    def __init__(self, *, entries: int = LOCAL_ENTRIES, size: int = LOCAL_BYTES) -> None:
        self._entries = entries
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Document] = OrderedDict()
        self._used = 0

    def get(self, key: str) -> Document | None:
        """Return the document kept under `key`, whatever its age."""
        with self._lock:
            document = self._kept.get(key)
            if document is not None:
                self._kept.move_to_end(key)
            return document

    def put(self, key: str, document: Document) -> None:
        """Keep a document, dropping others beyond the bounds."""
        with self._lock:
            self._drop(key)
            self._kept[key] = document
            self._used += len(document.body)
            while self._kept and (len(self._kept) > self._entries or self._used > self._size):
                self._drop(next(iter(self._kept)))

    def drop(self, key: str) -> None:
        """Forget one document."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Forget everything (tests start clean)."""
        with self._lock:
            self._kept.clear()
            self._used = 0

    def _drop(self, key: str) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._used -= len(dropped.body)


class SharedRefusals:
    """What builders were refused, for those who waited for them meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[tuple[str, ...], float, DomainError]] = {}

    def keep(self, key: str, markers: tuple[str, ...], refusal: DomainError) -> None:
        """Keep what a builder was refused just now under these markers."""
        with self._lock:
            if len(self._kept) >= LOCAL_ENTRIES:  # anybody may ask for what doesn't exist
                self._kept.clear()
            self._kept[key] = (markers, time.monotonic(), _another(refusal))

    def raise_if_later(self, key: str, markers: tuple[str, ...], *, than: float) -> None:
        """Raise what was refused after `than` (monotonic seconds), if nothing was written since."""
        under, ended, refusal = self._kept.get(key, ((), float("-inf"), None))
        if refusal is not None and under == markers and ended > than:
            raise _another(refusal)

    def clear(self) -> None:
        """Forget everything (tests start clean)."""
        with self._lock:
            self._kept.clear()


def _another(refusal: DomainError) -> DomainError:
    """Return an equal refusal without the stack of the first, for another thread to raise."""
    made = type(refusal).__new__(type(refusal))
    made.args = refusal.args
    made.__dict__.update(refusal.__dict__)
    return made


class Flights:
    """One lock a key, there only while somebody holds or awaits it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def boarding(self, key: str, *, wait_seconds: float) -> Iterator[bool]:
        """Yield whether the key's lock was had within `wait_seconds` (0: without waiting)."""
        lock = self._enter(key)
        had = lock.acquire(timeout=wait_seconds) if wait_seconds else lock.acquire(blocking=False)
        try:
            yield had
        finally:
            if had:
                lock.release()
            self._leave(key)

    def _enter(self, key: str) -> threading.Lock:
        with self._guard:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
            return lock

    def _leave(self, key: str) -> None:
        with self._guard:
            lock, users = self._locks[key]
            if users == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, users - 1)
