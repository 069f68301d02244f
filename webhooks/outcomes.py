"""What may become of one try at a delivery."""

from dataclasses import dataclass
from enum import StrEnum

from webhooks.locking import ClaimedDelivery


class TryOutcome(StrEnum):
    """What became of one try."""

    DELIVERED = "delivered"  # 2xx
    GONE = "gone"  # 410: nothing is wanted any more
    REFUSED = "refused"  # any other status, redirects among them
    NO_REPLY = "no_reply"  # no connection, no TLS, nothing in time
    NOT_SENT = "not_sent"  # a URL or an address that is refused, or a secret that can't be read


@dataclass(frozen=True, slots=True)
class TryResult:
    """One try: its outcome, and what the delivery log keeps of it."""

    delivery: ClaimedDelivery
    outcome: TryOutcome
    status: int | None = None
    response: str = ""
    failure: str = ""
