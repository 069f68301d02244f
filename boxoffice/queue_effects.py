"""What a change of a waiting room would do, as staff read it before they confirm it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from queueing.forecast import Forecast, forecast
from queueing.queries import QueueRules
from queueing.room_figures import RoomFigures


@dataclass(frozen=True, slots=True)
class QueueEffect:
    """What the room would be like; `last_enters_at`: the last who wait now. None: they don't.

    `waiting` is None while the queue server can't say.
    """

    state: str
    rate: float
    capacity: int
    waiting: int | None
    last_enters_at: datetime | None
    by_places: bool


def effect(
    rules: QueueRules, room: RoomFigures | None, changes: Mapping[str, Any], *, now: datetime
) -> QueueEffect:
    """Return what the room does after `changes` of its state, rate and capacity."""
    state = str(changes.get("state") or rules.state)
    if state == "PRESALE" and now >= rules.admits_from:
        state = "OPEN"
    rate = float(changes.get("rate_per_second", rules.rate_per_second))
    capacity = int(changes.get("capacity", rules.capacity))
    found = Forecast(None)
    if room is not None:
        found = forecast(room.crowd, state=state, rate=rate, capacity=capacity)
    return QueueEffect(
        state=state,
        rate=rate,
        capacity=capacity,
        waiting=None if room is None else room.crowd.waiting,
        last_enters_at=None if found.seconds is None else now + timedelta(seconds=found.seconds),
        by_places=found.by_places,
    )
