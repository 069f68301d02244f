"""What one process keeps of cached documents: the documents, and refusals for those who waited."""

import threading
import time
from collections import OrderedDict

from kernel.caching.responses import Document
from kernel.errors import DomainError

LOCAL_ENTRIES = 512
LOCAL_BYTES = 64 * 1024 * 1024


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
        """Drop one document."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._kept.clear()
            self._used = 0

    def _drop(self, key: str) -> None:
        dropped = self._kept.pop(key, None)
        if dropped is not None:
            self._used -= len(dropped.body)


class SharedRefusals:
    """The refusals that builders met, for the readers who waited for them meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[tuple[str, ...], float, DomainError]] = {}

    def keep(self, key: str, markers: tuple[str, ...], refusal: DomainError) -> None:
        """Keep the refusal that a builder has just met under these markers."""
        with self._lock:
            if len(self._kept) >= LOCAL_ENTRIES:  # anybody may ask for what doesn't exist
                self._kept.clear()
            self._kept[key] = (markers, time.monotonic(), _copy_of(refusal))

    def raise_if_later(self, key: str, markers: tuple[str, ...], *, than: float) -> None:
        """Raise a refusal met after `than` (monotonic seconds), if nothing was written since."""
        under, met_at, refusal = self._kept.get(key, ((), float("-inf"), None))
        if refusal is not None and under == markers and met_at > than:
            raise _copy_of(refusal)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._kept.clear()


def _copy_of(refusal: DomainError) -> DomainError:
    """Return an equal refusal without the stack of the first, for another thread to raise."""
    made = type(refusal).__new__(type(refusal))
    made.args = refusal.args
    made.__dict__.update(refusal.__dict__)
    return made
