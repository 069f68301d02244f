"""The history of a rehearsal, complete: what its clients did, on what terms, and the end.

What a check of histories (`proof/history/checker.py`) lacks in a rehearsal has a reason here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from proof.history.checker import with_data
from proof.history.order import is_down
from proof.history.recorded import (
    FinalState,
    History,
    Operation,
    RecordedFault,
    RecordedTerms,
    made_of,
)
from proof.rush.faults import RECOVERY_SECONDS, RushFault

_CLOCK_ERROR_SECONDS = 1.0  # between the site's deadlines and the client's clock, at most
# A crash of these may publish an event a second time, which its consumers know by its id.
MAY_REPEAT = {"kafka", "workers", "primary"}
# A waiting room that has lost its memory does not count those who were let in before.
_COUNTS_WHO_IS_INSIDE = "queue"
_WAITING_ROOM = ("numbers_are_in_order", "nobody_overtakes", "admission_keeps_its_pace")
_REASONS = {
    **dict.fromkeys(_WAITING_ROOM, "this sale has no waiting room"),
    "faults_are_survived": "no part was broken, or nothing was asked once all had recovered",
    "own_writes_are_visible": "no fan of this profile looks back",
    "events_are_published_once": "this stack has no Kafka",
}
_OTHERWISE = "no fan did what it looks at"


def complete_history(
    history: History,
    *,
    sale: Mapping[str, Any],
    seats: Sequence[str],
    balances: Mapping[str, int],
    faults: Sequence[RushFault],
    begun: float,
    left: Mapping[str, Any],
) -> History:
    """Return what clients recorded with terms, faults and final state.

    `sale` and `left` are what `seeding` returned of it, `balances` the points of each fan before,
    `begun` the opening by the clock of the history.
    """
    happened = [fault for fault in faults if not fault.error]
    final = made_of(FinalState, left["final"])
    return History(
        history.operations,
        _terms(sale, seats, balances, begun, {fault.part for fault in happened}),
        _recorded_faults(history.operations, happened, begun),
        replace(final, repeats_allowed=any(one.part in MAY_REPEAT for one in happened)),
    )


def _terms(
    sale: Mapping[str, Any],
    seats: Sequence[str],
    balances: Mapping[str, int],
    begun: float,
    broken: set[str],
) -> RecordedTerms:
    """Return what the checker may hold the sale to.

    Nobody comes before the client, and a room in which nobody waits saves up two seconds of its
    rate at most, so it counts as open from then on.
    """
    return RecordedTerms(
        seats=tuple(seats),
        max_seats_per_fan=sale["most_each"],
        clock_error=_CLOCK_ERROR_SECONDS,
        payment_window=sale["payment_seconds"],
        opened_at=begun,
        rate_per_second=sale["rate"] or 0.0,
        capacity=0 if _COUNTS_WHO_IS_INSIDE in broken else sale["capacity"] or 0,
        balances=balances,
    )


def _recorded_faults(
    operations: Sequence[Operation], faults: Sequence[RushFault], begun: float
) -> tuple[RecordedFault, ...]:
    """Return the faults that clients saw the end of; there is nothing to say of later ones."""
    last = max((one.invoked for one in operations), default=0.0)
    over = max((begun + fault.ends + RECOVERY_SECONDS for fault in faults), default=0.0)
    if last < over:
        return ()
    return tuple(
        RecordedFault(f"{one.do} {one.part}", begun + one.at, begun + one.ends, RECOVERY_SECONDS)
        for one in faults
    )


def with_recovery(
    faults: Sequence[RushFault], operations: Sequence[Operation], begun: float
) -> list[RushFault]:
    """Return the faults, each with how long after its mending requests failed.

    A failure is put down to the fault that was mended last before it.
    """
    failed = [one.invoked - begun for one in operations if is_down(one)]
    ends = sorted(fault.ends for fault in faults)
    found = []
    for fault in faults:
        until = min([end for end in ends if end > fault.ends] + [fault.ends + RECOVERY_SECONDS])
        late = [at - fault.ends for at in failed if fault.ends < at <= until]
        found.append(replace(fault, recovered_after=round(max(late, default=0.0), 1)))
    return found


def reasons_without_data(history: History) -> dict[str, str]:
    """Return of each check why it has nothing to look at, "" where it has."""
    return {
        check: "" if has_data else _REASONS.get(check, _OTHERWISE)
        for check, has_data in with_data(history).items()
    }
