"""Who calls how often, counted in this process.

Note [Pace]
The generic cell rate algorithm (ITU-T I.371; known as the leaky bucket as a meter): `amount` calls
may come at once, and each takes `period / amount` to come back. One number a caller says it all:
the moment at which the last call so far would have come at an even pace. So there is nothing to
sweep or to roll over, and how long a refused caller has to wait is exact. Beside it stands the rate
it was counted by: where staff change the rate, the calls counted so far stay as many as they were.
kernel/rate_limiting/gcra.lua counts the same way; a test holds the two equal.
"""

import math
from collections.abc import Hashable
from typing import NamedTuple

from kernel.rate_limiting.rates import Rate

_ROUNDING = 0.001  # seconds: what adding up may have lost


class Counted(NamedTuple):
    """A call counted: `left` more may come now; whole seconds until all (refused: one) may."""

    left: int
    reset: int
    is_refused: bool


class Pace:
    """The pace of at most `most` callers; past that, those who may call freely are forgotten."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._due: dict[Hashable, tuple[float, Rate]] = {}

    def __len__(self) -> int:
        return len(self._due)

    def count(self, caller: Hashable, rate: Rate, *, now: float) -> Counted:
        """Count a call at `now` (seconds); a refused one isn't counted."""
        each = rate.period_seconds / rate.amount
        due = max(self._known(caller, rate, now), now) + each
        room = now + rate.period_seconds - due
        if room < -min(_ROUNDING, each / 2):
            return Counted(0, max(1, math.ceil(-room - _ROUNDING)), True)
        self._make_room(caller, now)
        self._due[caller] = (due, rate)
        left = math.floor(room / each + _ROUNDING)
        return Counted(max(0, left), max(1, math.ceil(due - now - _ROUNDING)), False)

    def is_spent(self, caller: Hashable, rate: Rate, *, now: float) -> Counted | None:
        """Return how a call at `now` would be refused, without counting; None where it may come."""
        if caller not in self._due:
            return None
        theoretical_arrival = self._known(caller, rate, now)
        if theoretical_arrival <= now:
            return None
        each = rate.period_seconds / rate.amount
        over = theoretical_arrival + each - now - rate.period_seconds
        if over <= min(_ROUNDING, each / 2):
            return None
        return Counted(0, max(1, math.ceil(over - _ROUNDING)), True)

    def charge(self, caller: Hashable, rate: Rate, cost: int, *, now: float) -> Counted:
        """Count `cost` calls that have come already: as many as there is room for."""
        each = rate.period_seconds / rate.amount
        theoretical_arrival = max(self._known(caller, rate, now), now) + cost * each
        theoretical_arrival = min(theoretical_arrival, now + rate.period_seconds)
        self._make_room(caller, now)
        self._due[caller] = (theoretical_arrival, rate)
        remaining = math.floor((now + rate.period_seconds - theoretical_arrival) / each + _ROUNDING)
        return Counted(remaining, max(1, math.ceil(theoretical_arrival - now - _ROUNDING)), False)

    def refund(self, caller: Hashable, rate: Rate) -> None:
        """Take one counted call back."""
        known = self._due.get(caller)  # another thread may be forgetting everybody
        if known is not None:
            theoretical_arrival, counted_by = known
            each = rate.period_seconds / rate.amount
            self._due[caller] = (theoretical_arrival - each, counted_by)

    def clear(self) -> None:
        """Forget everybody."""
        self._due = {}

    def _known(self, caller: Hashable, rate: Rate, now: float) -> float:
        """Return the caller's theoretical arrival, converted where another rate counted it."""
        due, counted_by = self._due.get(caller, (now, rate))
        if counted_by == rate:
            return due
        calls = max(0.0, due - now) * counted_by.amount / counted_by.period_seconds
        due = now + min(calls * rate.period_seconds / rate.amount, rate.period_seconds)
        self._due[caller] = (due, rate)
        return due

    def _make_room(self, caller: Hashable, now: float) -> None:
        if len(self._due) >= self._most and caller not in self._due:
            self._forget(now)

    def _forget(self, now: float) -> None:
        """Keep those who still have calls to wait for; if these are too many, forget them too."""
        self._due = {caller: kept for caller, kept in tuple(self._due.items()) if kept[0] > now}
        if len(self._due) >= self._most:
            self._due = {}
