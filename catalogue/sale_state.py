"""The public state of a sale, derived from facts alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SaleState(StrEnum):
    """The states of the contract."""

    SCHEDULED = "SCHEDULED"
    PRESALE_QUEUE = "PRESALE_QUEUE"
    ON_SALE = "ON_SALE"
    PAUSED = "PAUSED"
    SOLD_OUT = "SOLD_OUT"
    CLOSED = "CLOSED"
    POSTPONED = "POSTPONED"
    CANCELLED = "CANCELLED"


# Of several performances the concert shows the state that is most useful to a fan.
_MOST_USEFUL_FIRST = (
    SaleState.ON_SALE,
    SaleState.PRESALE_QUEUE,
    SaleState.PAUSED,
    SaleState.SCHEDULED,
    SaleState.SOLD_OUT,
    SaleState.POSTPONED,
    SaleState.CLOSED,
    SaleState.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class SaleFacts:
    """Everything the state depends on.

    `status` is the performance's (SCHEDULED, POSTPONED, CANCELLED). The queue's facts are None
    where there is no waiting room or none is required; `queue_state` is as set by staff. `held`
    seats may come back, so a performance is sold out only once none is.
    """

    status: str
    starts_at: datetime
    put_on_sale: bool = False
    sale_opens_at: datetime | None = None
    sale_closes_at: datetime | None = None
    halted: bool = False
    queue_opens_at: datetime | None = None
    queue_state: str | None = None
    available: int = 0
    held: int = 0


def sale_state(facts: SaleFacts, *, now: datetime) -> SaleState:
    """Return the state of one performance at `now`."""
    if facts.status in (SaleState.CANCELLED, SaleState.POSTPONED):
        return SaleState(facts.status)
    if facts.starts_at <= now or (facts.sale_closes_at is not None and facts.sale_closes_at <= now):
        return SaleState.CLOSED
    if facts.sale_opens_at is None or not facts.put_on_sale:
        return SaleState.SCHEDULED
    if facts.sale_opens_at > now:
        return SaleState.PRESALE_QUEUE if _may_queue(facts, now) else SaleState.SCHEDULED
    if facts.available == 0 and facts.held == 0:
        return SaleState.SOLD_OUT
    if facts.queue_state in ("DRAINING", "CLOSED"):
        return SaleState.CLOSED  # nobody can join any more
    if facts.halted or facts.queue_state == "PAUSED":
        return SaleState.PAUSED
    return SaleState.ON_SALE


def concert_sale_state(states: Iterable[SaleState]) -> SaleState:
    """Return the state of a concert from those of its performances; SCHEDULED without any."""
    return min(states, key=_MOST_USEFUL_FIRST.index, default=SaleState.SCHEDULED)


def _may_queue(facts: SaleFacts, now: datetime) -> bool:
    return (
        facts.queue_opens_at is not None
        and facts.queue_opens_at <= now
        and facts.queue_state in ("PRESALE", "OPEN")
    )
