"""The public status of a room: the same document for everybody."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernel import clock
from queueing import policy


@dataclass(frozen=True, slots=True)
class PublicStatus:
    """The public facts of a room, the same for everybody, at least as recent as `as_of`.

    `admission_opens_at`: when a PRESALE room begins to admit; None in any other state.
    """

    state: str
    serving: int
    waiting: int
    active: int
    rate_per_second: float
    as_of: datetime
    admission_opens_at: datetime | None
    poll_after_seconds: int = policy.PUBLIC_POLL_SECONDS
    stream_url: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the document that the API sends (described by `PublicStatusSerializer`)."""
        opens_at = self.admission_opens_at
        return {
            "state": self.state,
            "serving": self.serving,
            "waiting": self.waiting,
            "active": self.active,
            "rate_per_second": self.rate_per_second,
            "poll_after_seconds": self.poll_after_seconds,
            "as_of": clock.as_text(self.as_of),
            "admission_opens_at": opens_at and clock.as_text(opens_at),
            "stream_url": self.stream_url,
        }
