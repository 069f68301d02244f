"""Who calls how often, counted in this process.

Note [Pace]
The generic cell rate algorithm (ITU-T I.371; known as the leaky bucket as a meter): `amount` calls
may come at once, and each takes `period / amount` to come back. One number a caller says it all:
the moment at which the last call so far would have come at an even pace. So there is nothing to
sweep or to roll over, and how long a refused caller has to wait is exact.
kernel/redis/lua/limits.lua counts the same way; a test holds the two equal.
"""

import math
from collections.abc import Hashable
from typing import NamedTuple

from kernel.rate_limits import Rate

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
        self._due: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def count(self, caller: Hashable, rate: Rate, *, now: float) -> Counted:
        """Count a call at `now` (seconds); a refused one isn't counted."""
        each = rate.period_seconds / rate.amount
        due = self._due.get(caller, 0.0)
        if due > now + rate.period_seconds + 1:  # counted by another limit, before staff changed it
            due = 0.0
        due = max(due, now) + each
        room = now + rate.period_seconds - due
        if room < -min(_ROUNDING, each / 2):
            return Counted(0, max(1, math.ceil(-room - _ROUNDING)), True)
        if len(self._due) >= self._most and caller not in self._due:
            self._forget(now)
        self._due[caller] = due
        left = math.floor(room / each + _ROUNDING)
        return Counted(max(0, left), max(1, math.ceil(due - now - _ROUNDING)), False)

    def is_spent(self, caller: Hashable, rate: Rate, *, now: float) -> Counted | None:
        """Return how a call at `now` would be refused, without counting; None where it may come."""
        theoretical_arrival = self._due.get(caller)
        if theoretical_arrival is None or theoretical_arrival <= now:
            return None
        each = rate.period_seconds / rate.amount
        over = theoretical_arrival + each - now - rate.period_seconds
        if not min(_ROUNDING, each / 2) < over <= each + 1:  # far over: by another, older limit
            return None
        return Counted(0, max(1, math.ceil(over - _ROUNDING)), True)

    def charge(self, caller: Hashable, rate: Rate, cost: int, *, now: float) -> Counted:
        """Count `cost` calls that have come already: as many as there is room for."""
        each = rate.period_seconds / rate.amount
        theoretical_arrival = max(self._due.get(caller, 0.0), now) + cost * each
        self._due[caller] = min(theoretical_arrival, now + rate.period_seconds)
        remaining = math.floor((now + rate.period_seconds - self._due[caller]) / each + _ROUNDING)
        return Counted(remaining, max(1, math.ceil(self._due[caller] - now - _ROUNDING)), False)

    def refund(self, caller: Hashable, rate: Rate) -> None:
        """Take one counted call back."""
        theoretical_arrival = self._due.get(caller)
        if theoretical_arrival is not None:
            self._due[caller] = theoretical_arrival - rate.period_seconds / rate.amount

    def clear(self) -> None:
        """Forget everybody."""
        self._due = {}

    def _forget(self, now: float) -> None:
        """Keep those who still have calls to wait for; if these are too many, forget them too."""
        self._due = {caller: due for caller, due in tuple(self._due.items()) if due > now}
        if len(self._due) >= self._most:
            self._due = {}
