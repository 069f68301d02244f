"""When the last who wait now will be in, by a rate and a capacity: for staff before they change it.

Fans are admitted at the rate while there are free places, and then as places become free. How fast
that is nobody can know; it is taken to be as lately (`pace`), in proportion to the places.
"""

from dataclasses import dataclass

_ADMITTING = ("OPEN", "DRAINING")


@dataclass(frozen=True, slots=True)
class Crowd:
    """How a room stands: who waits, who is in, of how many places, and fans admitted a second."""

    waiting: int
    active: int
    capacity: int
    pace: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """The seconds until the last who wait now enter; None: they don't, as things stand.

    `by_places`: full places hold them up, not the rate.
    """

    seconds: float | None
    by_places: bool = False


def forecast(crowd: Crowd, *, state: str, rate: float, capacity: int) -> Forecast:
    """Return when the last who wait now enter under these settings."""
    if state not in _ADMITTING:
        return Forecast(None)
    free = max(0, capacity - crowd.active)
    at_rate = crowd.waiting / rate
    if crowd.waiting <= free:
        return Forecast(at_rate)
    leaving = crowd.pace * capacity / crowd.capacity if crowd.capacity else 0.0
    if leaving <= 0.0:
        return Forecast(None, by_places=True)
    by_places = free / rate + (crowd.waiting - free) / min(rate, leaving)
    return Forecast(max(at_rate, by_places), by_places=leaving < rate)
