"""The checker of recorded histories: every way in which one contradicts a promise."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from proof.history import event_order, money, needs, order, seats
from proof.history.recorded import History

EXAMPLES = 20  # contradictions of one check; more are not looked for

HistoryCheck = Callable[[History], Iterable[str]]
CHECKS: tuple[HistoryCheck, ...] = (
    seats.seats_have_one_owner,
    seats.no_success_is_lost,
    seats.nothing_is_sold_by_nobody,
    seats.seats_are_conserved,
    seats.nothing_succeeds_on_a_lapsed_hold,
    seats.fans_keep_their_limit,
    money.money_is_conserved,
    money.keys_are_honoured,
    money.refusals_cost_nothing,
    order.numbers_are_in_order,
    order.nobody_overtakes,
    order.admission_keeps_its_pace,
    order.own_writes_are_visible,
    order.faults_are_survived,
    event_order.events_are_published_once,
)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What a check found: its name, and what is wrong, for people."""

    check: str
    detail: str


def with_data(history: History) -> dict[str, bool]:
    """Return of each check whether a history has what it looks at."""
    return {check.__name__: needs.NEEDS[check.__name__](history) for check in CHECKS}


def contradictions(history: History) -> list[Contradiction]:
    """Return what in a history contradicts a promise, at most `EXAMPLES` of each check.

    A check that lacks what it needs, such as a final state, finds nothing.
    """
    return [
        Contradiction(check.__name__, detail)
        for check in CHECKS
        for detail in islice(check(history), EXAMPLES)
    ]
