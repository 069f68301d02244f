"""What is unusual about a change of when or where performances take place.

Note [Unusual changes]
A mistyped year ends a sale, and a new start concerns everybody who has a seat. So every change of a
performance's times, its concert's venue, the venue's time zone or its sale's window is checked
before it is saved, under the locks of the save. Each unusual point is a `Question`. The change is
saved only with a reason and a confirmation of every question, and the audit entry keeps both. A
confirmation is about the facts that were shown: another time, or sold seats found meanwhile, is a
new question. The apps above know sales and sold seats; they add their questions through the setting
`SCHEDULE_RULES`, dotted paths of functions like `own_questions`.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from concerts.errors import NeedsConfirmation
from concerts.times import shown
from kernel.i18n import text

NAMED = 10  # performances that a question names
# An opening that has passed says "at once"; one that passed long ago says "the wrong year".
OPENING_AT_ONCE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Times:
    """When and where a performance takes place."""

    starts_at: datetime
    doors_open_at: datetime | None
    venue_id: UUID
    zone: str

    def start_shown(self) -> str:
        """Return the start as the venue's clock shows it."""
        return shown(self.starts_at, self.zone)


@dataclass(frozen=True, slots=True)
class Move:
    """What becomes of a performance's schedule; `before` is None where it is a new one."""

    performance_id: UUID
    title: str
    before: Times | None
    after: Times

    @property
    def name(self) -> str:
        """What staff call it: the concert and the start that it has had so far."""
        return f"{self.title} {(self.before or self.after).start_shown()}"

    @property
    def start_moves(self) -> bool:
        """Whether it is new or starts at another moment than before."""
        return self.before is None or self.before.starts_at != self.after.starts_at

    @property
    def doors_move(self) -> bool:
        """Whether it is new or its doors open at another moment than before."""
        return self.before is None or self.before.doors_open_at != self.after.doors_open_at

    def as_fact(self) -> str:
        """Return all that a confirmation is about. A new row has another key in each request."""
        after = self.after
        key = "new" if self.before is None else self.performance_id
        return f"{key} {after.starts_at} {after.doors_open_at} {after.venue_id} {after.zone}"


@dataclass(frozen=True, slots=True)
class Question:
    """One unusual point: its stable code, what staff read, and the facts it is about."""

    code: str
    message: Promise
    facts: tuple[str, ...]

    @property
    def key(self) -> str:
        """What a confirmation names; it changes with the facts."""
        return f"{self.code}:{sha256('|'.join(self.facts).encode()).hexdigest()[:16]}"


Rule = Callable[..., Iterable[Question]]


def questions(*, moves: Sequence[Move], now: datetime) -> list[Question]:
    """Return what is unusual about the moves; the performances must be locked."""
    changed = [move for move in moves if move.before != move.after]
    if not changed:
        return []
    return [question for rule in _rules() for question in rule(moves=changed, now=now)]


def own_questions(*, moves: Sequence[Move], now: datetime) -> Iterator[Question]:
    """Ask about times in the past, and about clocks that will show something else."""
    past = [move for move in moves if _moves_into_the_past(move, now)]
    if past:
        yield about_the_past(
            times=[_time_in_the_past(move, now) for move in past],
            facts=[move.as_fact() for move in past],
        )
    shifted = [move for move in moves if move.before and move.before.zone != move.after.zone]
    if shifted:
        shifts = named(
            f"{move.title}: {move.before.start_shown()} → {move.after.start_shown()}"
            for move in shifted
            if move.before
        )
        yield Question(
            "zone_shifts",
            text(
                en="The time zone changes. Moments stay as they are, so the clock at the venue "
                f"shows other times, which may have to be typed again: {shifts}.",
                ko="시간대가 바뀝니다. 저장된 시점은 그대로이므로 공연장 현지 시각이 달라지며, "
                f"시각을 다시 입력해야 할 수 있습니다: {shifts}.",
            ),
            tuple(move.as_fact() for move in shifted),
        )


def about_the_past(*, times: Iterable[str], facts: Iterable[str]) -> Question:
    """Return the question about times that have passed."""
    listed = named(times)
    return Question(
        "time_in_the_past",
        text(en=f"This time has passed: {listed}.", ko=f"이미 지난 시각입니다: {listed}."),
        tuple(facts),
    )


def require_confirmation(
    *, asked: Sequence[Question], confirmed: Container[str], reason: str
) -> list[str]:
    """Return the codes of the questions; raises `NeedsConfirmation` unless all are confirmed."""
    if asked and not (reason.strip() and all(question.key in confirmed for question in asked)):
        raise NeedsConfirmation(
            questions=[
                {"code": question.code, "message": str(question.message), "confirm": question.key}
                for question in asked
            ]
        )
    return [question.code for question in asked]


def named(names: Iterable[str]) -> str:
    """Return names as a list, the first `NAMED` of them."""
    every = list(names)
    more = [f"… +{len(every) - NAMED}"] if len(every) > NAMED else []
    return "; ".join(every[:NAMED] + more)


def _moves_into_the_past(move: Move, now: datetime) -> bool:
    doors = move.after.doors_open_at
    return (move.start_moves and move.after.starts_at <= now) or (
        move.doors_move and doors is not None and doors <= now
    )


def _time_in_the_past(move: Move, now: datetime) -> str:
    passed = move.after.starts_at
    if passed > now and move.after.doors_open_at is not None:
        passed = move.after.doors_open_at
    return f"{move.title} {shown(passed, move.after.zone)}"


@cache
def _rules() -> tuple[Rule, ...]:
    return tuple(import_string(path) for path in settings.SCHEDULE_RULES)
