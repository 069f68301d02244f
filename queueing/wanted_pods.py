"""How many pods the calendar wants for the sales that are about to open.

Note [Wanted by the calendar]
Ten thousand joins come in the first second, and a pod takes half a minute to start: what scales by
load comes too late for an opening. But openings are known beforehand, and staff say how many fans
they expect. So half an hour before a queue opens the pods for its crowd are wanted, at once and as
many as the measured cost of a fan says, and until a quarter of an hour after it. What the calendar
does not know (a sale that draws more than expected, the buying) is for the other triggers: the
largest of all wins (docs/decisions/0079). Sales whose times overlap add up.
"""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from queueing import policy


class Opening(NamedTuple):
    """When a queue opens, and how many fans staff expect; None where they have not said."""

    opens_at: datetime
    expected_fans: int | None


def arrivals_per_second(openings: Iterable[Opening], *, now: datetime) -> float:
    """Return how many fans a second pods are to be ready for at `now`."""
    return sum(
        (policy.UNSAID_FANS if one.expected_fans is None else one.expected_fans)
        / policy.ARRIVAL_SECONDS
        for one in openings
        if one.opens_at - policy.PODS_BEFORE <= now < one.opens_at + policy.PODS_AFTER
    )


def wanted_pods(openings: Iterable[Opening], *, now: datetime, fans_per_second: int) -> int:
    """Return how many pods are wanted at `now`, each of which bears so many fans a second.

    0 where no queue is about to open: the least and the most are the autoscaler's.
    """
    return math.ceil(arrivals_per_second(openings, now=now) / fans_per_second)
