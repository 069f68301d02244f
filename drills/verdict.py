"""What a drill's history says: outages, errors, what is lost; and the verdict over all of it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from enum import IntEnum
from itertools import pairwise
from typing import Any

from drills.drill import DrillLimit
from proof.history.order import is_down
from proof.history.recorded import OK, FinalState, Operation

FAILED = "requests that failed"
# Operations of the load of which there are enough to say how long none came through.
WATCHED = ("join", "list", "map", "availability", "hold", "pay")


class DrillVerdict(IntEnum):
    """The exit codes of a drill."""

    HELD = 0
    BROKEN = 1
    MISSED = 2
    LATE = 3


def outages(history: Sequence[Operation], *, begun: float, until: float) -> dict[str, float]:
    """Return for each watched operation the longest time in s in which none was acknowledged.

    `begun` and `until`: between them the load is steady. An operation that never came through was
    out all the time.
    """
    acknowledged: defaultdict[str, list[float]] = defaultdict(list)
    for one in history:
        if one.outcome == OK and begun <= one.ended <= until:
            acknowledged[one.op].append(one.ended)
    return {
        op: round(max(b - a for a, b in pairwise([begun, *sorted(acknowledged[op]), until])), 2)
        for op in WATCHED
    }


def failures(history: Sequence[Operation]) -> int:
    """Return how many requests were not served; what `FAILED` is the figure of."""
    return sum(is_down(one) for one in history)


def errors_of(history: Sequence[Operation]) -> dict[str, int]:
    """Return how often each operation was not served, by status and code."""
    found = Counter(
        f"{one.op} {one.status or 'no reply'} {one.code}".strip() for one in history if is_down(one)
    )
    return dict(sorted(found.items()))


def violations(audit: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each violation that an audit has found."""
    return [
        f"audit: {one['check']}: {found['subject']} {found['detail']}"
        for one in audit["checks"]
        for found in one["violations"]
    ]


def lost(history: Sequence[Operation], final: FinalState) -> list[str]:
    """Return a sentence for each payment that was acknowledged and is not there in the end."""
    kept = final.payments or {}
    gone = {  # one that was asked for again has several responses
        one.payment_id: None
        for one in history
        if one.op == "pay" and one.outcome == OK and one.payment_id not in kept
    }
    return [f"payment {payment} was acknowledged and is gone" for payment in gone]


def acknowledged(history: Sequence[Operation]) -> int:
    """Return how many operations that change something were acknowledged."""
    return sum(one.outcome == OK and one.op in ("hold", "pay", "release") for one in history)


def missed(figures: Mapping[str, float], limits: Sequence[DrillLimit]) -> list[str]:
    """Return a sentence for each figure that is over its limit; a missing figure is a KeyError."""
    return [
        f"{limit.figure} is {figures[limit.figure]:g} {limit.unit}, at most {limit.most:g}"
        for limit in limits
        if not figures[limit.figure] <= limit.most
    ]


def verdict_of(
    *, broken: Sequence[str], missed: Sequence[str], late: Sequence[str]
) -> DrillVerdict:
    """Return the verdict: what is broken goes before all, a load that was late before limits."""
    if broken:
        return DrillVerdict.BROKEN
    if late:
        return DrillVerdict.LATE
    return DrillVerdict.MISSED if missed else DrillVerdict.HELD
