"""Where the live streams are, and whether they take listeners.

Note [Open streams]
The streams are a process that knows no app (stream/README.md); all that the API knows of it is its
health document, which a thread of each process reads every second (Note [Refreshed copy]). So the
documents name the address of a stream only while it is open, and pages read the documents where
there is none, where it is full and where it is being replaced.
"""

from uuid import UUID

import httpx
from django.conf import settings
from prometheus_client import Counter

from kernel.caching.refreshed_copy import RefreshedCopy
from kernel.errors import DomainError, Kind
from kernel.i18n import text

_SECONDS = 1.0  # for a health document; a process that is frozen is not open


class StreamFull(DomainError):
    """There is no live stream for one more listener, or none at all: read the document."""

    code = "stream_full"
    kind = Kind.UNAVAILABLE
    message = text(
        en="No live stream is free at the moment. Read the document instead.",
        ko="지금은 실시간 연결을 더 받을 수 없습니다. 문서를 조회해 주세요.",
    )
    retry_after = 10


class OpenStreams(RefreshedCopy):
    """This process's copy of whether the streams are open (Note [Open streams])."""

    name = "open-streams"
    failures = Counter(
        "frontrow_stream_health_failures_total",
        "Times that the health of the live streams could not be read",
    )

    def __init__(self) -> None:
        super().__init__()
        self.is_open = False

    def begin_process(self) -> None:
        """Start over in a new process; see `RefreshedCopy.begin_process`."""
        super().begin_process()
        self._client: httpx.Client | None = None

    def refresh(self) -> None:
        """Read the health document; without one the streams are not open."""
        if self._client is None:
            self._client = httpx.Client(timeout=_SECONDS, trust_env=False)
        try:
            found = self._client.get(settings.STREAM_HEALTH_URL).json()
            self.is_open = isinstance(found, dict) and found.get("status") == "open"
        except (httpx.HTTPError, ValueError):
            self.is_open = False
            self.failures.inc()
        self.has_copy = True


open_streams = OpenStreams()


def is_open() -> bool:
    """Say whether there are streams that take listeners; only the first call of a process waits."""
    if not settings.STREAM_HEALTH_URL:
        return False
    open_streams.start()
    return open_streams.is_open


def stream_url(performance_id: UUID, document: str) -> str | None:
    """Return the address of a document's stream, a path of this site; None while there is none.

    `document` is queue or availability.
    """
    if not is_open():
        return None
    return f"/api/v1/performances/{performance_id}/{document}/stream/"
