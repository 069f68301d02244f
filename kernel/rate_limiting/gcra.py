"""The generic cell rate algorithm, counted in this process.

Note [Generic cell rate]
GCRA (ITU-T I.371; the leaky bucket used as a meter): `amount` calls may come at once, and each
takes one emission interval, `period / amount`, to come back. One number a caller holds the state:
the theoretical arrival, the moment at which the last call would have come at an even pace. So there
is nothing to sweep or to roll over, and how long a refused caller has to wait is exact. The rate a
caller was counted by stands beside it: where staff change the rate, the calls counted so far stay
as many as they were. gcra.lua counts in the same way; a test holds the two equal.

Note [Two generations of callers]
Where there are too many callers, those who may call freely anyway are dropped first: it changes no
result. Finding them all at once would stop a busy process for the time of the scan, so callers live
in two dictionaries. New ones go into the young one; once that holds half of `most`, it becomes the
old one, and each further new caller has a few of the old ones looked at: those who still have calls
to wait for move to the young one, the others are dropped. Where too many have calls to wait for,
all are dropped.
"""

import math
from collections.abc import Hashable
from typing import NamedTuple

from kernel.rate_limiting.rates import Rate

_ROUNDING = 0.001  # seconds: what adding up may have lost
_LOOKED_AT = 4  # old callers a new one: the old are through well before the young are too many


class GcraResult(NamedTuple):
    """One counted call: how many more may come now, and in how many whole seconds all of them may
    (of a refused call: one).
    """

    remaining: int
    reset: int
    is_refused: bool


class Gcra:
    """The calls of at most `most` callers (Note [Generic cell rate])."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._young: dict[Hashable, tuple[float, Rate]] = {}
        self._old: dict[Hashable, tuple[float, Rate]] = {}

    def __contains__(self, caller: Hashable) -> bool:
        """Return whether a call of the caller was counted that may still count."""
        return caller in self._young or caller in self._old

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def count(self, caller: Hashable, rate: Rate, *, now: float) -> GcraResult:
        """Count a call at `now` (seconds); a refused one isn't counted."""
        amount, period = rate
        emission_interval = period / amount
        known = self._young.get(caller) or self._old.get(caller)
        if known is None or known[0] <= now:
            theoretical_arrival = now + emission_interval
        else:
            theoretical_arrival = self._arrival(caller, rate, now) + emission_interval
        room = now + period - theoretical_arrival
        if room < -min(_ROUNDING, emission_interval / 2):
            return GcraResult(0, _whole_seconds(-room), True)
        self._keep(caller, theoretical_arrival, rate, now)
        remaining = max(0, math.floor(room / emission_interval + _ROUNDING))
        return GcraResult(remaining, _whole_seconds(theoretical_arrival - now), False)

    def is_spent(self, caller: Hashable, rate: Rate, *, now: float) -> GcraResult | None:
        """Return how a call at `now` would be refused, without counting; None where it may come."""
        known = self._young.get(caller) or self._old.get(caller)
        if known is None or known[0] <= now:
            return None
        emission_interval = rate.period_seconds / rate.amount
        over = self._arrival(caller, rate, now) + emission_interval - now - rate.period_seconds
        if over <= min(_ROUNDING, emission_interval / 2):
            return None
        return GcraResult(0, _whole_seconds(over), True)

    def charge(self, caller: Hashable, rate: Rate, cost: int, *, now: float) -> GcraResult:
        """Count `cost` calls that have come already: as many as there is room for."""
        emission_interval = rate.period_seconds / rate.amount
        theoretical_arrival = max(self._arrival(caller, rate, now), now) + cost * emission_interval
        theoretical_arrival = min(theoretical_arrival, now + rate.period_seconds)
        self._keep(caller, theoretical_arrival, rate, now)
        room = now + rate.period_seconds - theoretical_arrival
        remaining = math.floor(room / emission_interval + _ROUNDING)
        return GcraResult(remaining, _whole_seconds(theoretical_arrival - now), False)

    def refund(self, caller: Hashable, rate: Rate) -> None:
        """Take one counted call back."""
        known = self._young.get(caller) or self._old.get(caller)  # another thread may be clearing
        if known is not None:
            theoretical_arrival, counted_by = known
            emission_interval = rate.period_seconds / rate.amount
            self._young[caller] = (theoretical_arrival - emission_interval, counted_by)

    def clear(self) -> None:
        """Drop every caller."""
        self._young, self._old = {}, {}

    def _arrival(self, caller: Hashable, rate: Rate, now: float) -> float:
        """Return the caller's theoretical arrival, converted where another rate counted it."""
        known = self._known(caller)
        if known is None:
            return now
        theoretical_arrival, counted_by = known
        if counted_by == rate:
            return theoretical_arrival
        calls = max(0.0, theoretical_arrival - now) * counted_by.amount / counted_by.period_seconds
        theoretical_arrival = now + min(
            calls * rate.period_seconds / rate.amount, rate.period_seconds
        )
        self._keep(caller, theoretical_arrival, rate, now)
        return theoretical_arrival

    def _known(self, caller: Hashable) -> tuple[float, Rate] | None:
        return self._young.get(caller) or self._old.get(caller)

    def _keep(self, caller: Hashable, theoretical_arrival: float, rate: Rate, now: float) -> None:
        if caller not in self._young:
            self._make_room(now)
        self._young[caller] = (theoretical_arrival, rate)

    def _make_room(self, now: float) -> None:
        """Let a new caller in (Note [Two generations of callers])."""
        young, old = self._young, self._old
        for _ in range(min(_LOOKED_AT, len(old))):
            try:
                caller, kept = old.popitem()
            except KeyError:  # another thread took the last one
                break
            if kept[0] > now:
                young.setdefault(caller, kept)
        if len(young) + len(old) >= self._most:
            self.clear()
        elif not old and len(young) >= self._most // 2:
            self._old, self._young = young, {}


def _whole_seconds(seconds: float) -> int:
    return max(1, math.ceil(seconds - _ROUNDING))
