"""One read of a cached document: its policy, its keys, and which entries are good enough."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from prometheus_client import Counter

from kernel.caching.responses import Document, Rendered

reads = Counter(
    "frontrow_cached_documents_total",
    "Cached documents read, by kind and by where the document came from",
    ["kind", "source"],
)


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long documents of one kind are kept, and where they are built from.

    A document younger than `fresh_for` is returned as it is. Then one reader rebuilds it while the
    others still get the old one, up to an age of `stale_for`, unless a write has dropped it.
    `from_replica` builds by stale reads. `keep_in_process` also keeps the bytes in this process, so
    that a hit fetches only the markers from the cache server.
    """

    kind: str
    fresh_for: timedelta
    stale_for: timedelta
    from_replica: bool = True
    keep_in_process: bool = False


@dataclass(frozen=True, slots=True)
class CacheRequest:
    """One read of one document."""

    policy: CachePolicy
    key: str
    depends_on: tuple[str, ...]
    build: Callable[[], Rendered]
    now: datetime

    @property
    def entry_key(self) -> str:
        """The cache server's key of the entry."""
        return f"fr:c:doc:{self.key}"

    @property
    def lock_key(self) -> str:
        """The cache server's key of the builder's lock."""
        return f"fr:c:build:{self.key}"

    def is_current(self, found: Document | None, markers: tuple[str, ...]) -> bool:
        """Say whether an entry can be returned as it is."""
        return (
            found is not None
            and found.markers == markers
            and found.is_younger_than(self.policy.fresh_for, self.now)
        )

    def is_usable(self, found: Document | None, markers: tuple[str, ...]) -> bool:
        """Say whether an entry can be returned while another reader rebuilds it."""
        return (
            found is not None
            and found.markers == markers
            and found.is_younger_than(self.policy.stale_for, self.now)
        )

    def counted(self, document: Document, source: str) -> Document:
        """Return the document, counted by where it came from."""
        reads.labels(self.policy.kind, source).inc()
        return document
