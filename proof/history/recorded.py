"""A recorded history: what clients did and saw, on what terms, through which faults, and the end.

Note [Recorded histories]
A file has one JSON object a line. An operation is one line, written when it has ended:

    process         who did it, one operation after the other (two clicks at once are two)
    user_id         whose login it was
    op              join, poll, leave, hold, extend, pay, release, cancel, charge; begin (an attempt
                    to pay by card, which moves no money), payment (a look at one), look (at a
                    reservation), tickets (a look at its tickets, with their seats); any other is
                    looked at for recovery alone
    invoked, ended  seconds of a monotonic clock, the same for all; null where no end was seen
    outcome         ok; fail: nothing happened; unknown: no response, or one that does not say
                    (of a payment: neither PAID nor FAILED)
    status, code    of the response; 0 and "" where none came
    key             the Idempotency-Key, "" without one
    reservation_id, seat_ids, amount
                    what was asked for and received, in minor units
    payment_id      of pay, begin, payment and charge
    method          of pay and begin: CARD moves no points; else POINTS or ""
    number, state   of a place, and its state; a look has the state of the reservation or payment
    until           until when the response promises it, by the clock above; 0 where it does not say
    ahead_of_line   true for staff and the invited, who wait for nobody

Only process, op, invoked and outcome must be there. Three other lines may be: {"terms": {...}},
{"fault": {...}} and {"final": {...}}, with the members of `RecordedTerms`, `RecordedFault` and
`FinalState`. A check that lacks what it needs says nothing: what was not recorded cannot be wrong.
Who records completes an operation once its response is read; a history that is checked is complete.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

OK, FAIL, UNKNOWN = "ok", "fail", "unknown"
T = TypeVar("T")


class HistoryUnreadable(ValueError):
    """A line is no part of a history; says which and why."""


@dataclass(slots=True)
class Operation:
    """One operation of one client; see Note [Recorded histories]."""

    process: int
    op: str
    invoked: float
    outcome: str
    ended: float = math.inf
    user_id: str = ""
    status: int = 0
    code: str = ""
    key: str = ""
    reservation_id: str = ""
    seat_ids: tuple[str, ...] = ()
    amount: int = 0
    payment_id: str = ""
    method: str = ""
    number: int = 0
    state: str = ""
    until: float = 0.0
    ahead_of_line: bool = False

    @property
    def may_have_happened(self) -> bool:
        """Whether it had an effect, or may have had one."""
        return self.outcome != FAIL

    def precedes(self, other: "Operation") -> bool:
        """Return whether it had ended before the other was begun: then all must see that order."""
        return self.ended < other.invoked


@dataclass(frozen=True, slots=True)
class RecordedTerms:
    """What a sale promises: its seats, and limits in their units; 0 where it has none.

    `clock_error`: by how many seconds two clocks may differ. `payment_window`: for how long, at
    least, a hold outlives its deadline once a payment has begun. `opened_at`: since when the
    waiting room admits.
    """

    seats: tuple[str, ...] = ()
    max_seats_per_fan: int = 0
    clock_error: float = 0.0
    payment_window: float = 0.0
    opened_at: float = 0.0
    rate_per_second: float = 0.0
    capacity: int = 0
    balances: Mapping[str, int] = field(default_factory=dict)  # before the sale, by user


@dataclass(frozen=True, slots=True)
class RecordedFault:
    """A part that failed, and by when the operations named must work again."""

    name: str
    begun: float
    repaired: float
    recovers_within: float
    ops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FinalState:
    """What the stores held once all had settled, at `at` by the clock of the operations.

    `seats`: how each stands (A, T, R, B), `owners`: the reservation of those held or sold;
    `tickets`: (reservation, seat) of each valid one; `balances` by user; `payments`: the
    reservation of each that was paid; `outbox`: ids of all events, `published`: ids in the topics.
    """

    at: float
    seats: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    tickets: tuple[tuple[str, str], ...] | None = None
    balances: Mapping[str, int] = field(default_factory=dict)
    payments: Mapping[str, str] | None = None
    outbox: tuple[str, ...] | None = None
    published: tuple[str, ...] = ()
    repeats_allowed: bool = False  # after a crash an id may be in its topic again


@dataclass(frozen=True, slots=True)
class History:
    """What one sale looked like from outside, and what it left behind."""

    operations: tuple[Operation, ...]
    terms: RecordedTerms = RecordedTerms()
    faults: tuple[RecordedFault, ...] = ()
    final: FinalState | None = None

    def of(self, *ops: str, outcome: str | None = None) -> list[Operation]:
        """Return the operations of some kinds, in the order in which they were begun."""
        found = [
            one
            for one in self.operations
            if one.op in ops and (outcome is None or one.outcome == outcome)
        ]
        return sorted(found, key=lambda one: one.invoked)


def read(path: Path) -> History:
    """Return the history in a file of JSON lines; raises HistoryUnreadable."""
    with path.open(encoding="utf-8") as file:
        return parse(file)


def parse(lines: Iterable[str]) -> History:
    """Return the history in JSON lines; raises HistoryUnreadable."""
    operations: list[Operation] = []
    faults: list[RecordedFault] = []
    terms, final = RecordedTerms(), None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise TypeError("no object")
            if "op" in value:
                operations.append(_operation(value))
            elif "fault" in value:
                faults.append(made_of(RecordedFault, value["fault"]))
            elif "terms" in value:
                terms = made_of(RecordedTerms, value["terms"])
            elif "final" in value:
                final = made_of(FinalState, value["final"])
            else:
                raise KeyError("neither an operation nor terms, fault or final")
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise HistoryUnreadable(f"line {number}: {error}") from error
    return History(tuple(operations), terms, tuple(faults), final)


def write(path: Path, history: History) -> None:
    """Write a history as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for line in as_lines(history):
            file.write(f"{line}\n")


def as_lines(history: History) -> Iterable[str]:
    """Yield the JSON lines of a history: terms, faults, operations, final."""
    yield _line({"terms": members_of(history.terms)})
    for fault in history.faults:
        yield _line({"fault": members_of(fault)})
    for operation in history.operations:
        yield _line(members_of(operation))
    if history.final is not None:
        yield _line({"final": members_of(history.final)})


def _operation(value: dict[str, Any]) -> Operation:
    if value.get("ended", 0.0) is None:
        value = {**value, "ended": math.inf}
    made = made_of(Operation, value)
    if made.outcome not in (OK, FAIL, UNKNOWN):
        raise ValueError(f"outcome {made.outcome!r}")
    if not made.invoked <= made.ended:
        raise ValueError("it ended before it was invoked")
    return made


def made_of(kind: type[T], value: Any) -> T:
    """Return what `members_of` wrote; raises TypeError and ValueError where it is no such thing."""
    if not isinstance(value, dict):
        raise TypeError(f"{kind.__name__} is no object")
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]  # dataclasses all
    unknown = value.keys() - known
    if unknown:
        raise ValueError(f"unknown member {min(unknown)}")
    return kind(**{name: _frozen(one) for name, one in value.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list) else value


def members_of(value: Any) -> dict[str, Any]:
    """Return the members of terms, a fault, an operation or a final state that a line needs.

    Those that have their defaults are left out.
    """
    shown = {}
    for one in fields(value):
        found = getattr(value, one.name)
        without = one.default if one.default_factory is MISSING else one.default_factory()
        if found != without:
            shown[one.name] = dict(found) if isinstance(found, Mapping) else found
    return shown


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
