"""How a room stands, for staff: what the queue server says, whole."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kernel.redis.breaker import DependencyUnavailable
from queueing import upkeep
from queueing.errors import QueueNotRequired, QueueUnavailable
from queueing.forecast import Crowd


@dataclass(frozen=True, slots=True)
class RoomFigures:
    """A room at `as_of`: its crowd, the state in force and the rate as set.

    `admitted` counts since the room began; `mean_wait_seconds` is theirs.
    """

    as_of: datetime
    state: str
    rate: float
    crowd: Crowd
    admitted: int
    mean_wait_seconds: float


def room_figures(*, performance_id: UUID, now: datetime) -> RoomFigures | None:
    """Return how the room of a public performance stands; None while nobody can say.

    That is without a waiting room, and while the queue server is unavailable.
    """
    try:
        totals = upkeep.public_totals_of(performance_id, now)
    except (QueueNotRequired, QueueUnavailable, DependencyUnavailable):
        return None
    return RoomFigures(
        as_of=now,
        state=totals.state,
        rate=totals.rate,
        crowd=Crowd(totals.waiting, totals.active, totals.capacity, totals.pace),
        admitted=totals.admitted,
        mean_wait_seconds=totals.waited_ms / 1000 / totals.admitted if totals.admitted else 0.0,
    )
