"""What the functions of the waiting room answer, in types."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Status(StrEnum):
    """What a function answers first."""

    NEW = "NEW"
    SAME = "SAME"
    OK = "OK"
    COLD = "COLD"  # the server doesn't know the room, or woke up without its last moments
    SUPERSEDED = "SUPERSEDED"  # another server's epoch is in force
    LOST = "LOST"  # the token's place is not here: say first what became of it
    CEILING = "CEILING"  # all reserved numbers are given
    NOT_REQUIRED = "NOT_REQUIRED"
    NOT_OPEN = "NOT_OPEN"
    PAUSED = "PAUSED"
    CLOSED = "CLOSED"
    UNKNOWN = "UNKNOWN"
    CHALLENGE = "CHALLENGE"  # a new place only for those who pass the room's abuse check
    TOO_MANY_ACCOUNTS = "TOO_MANY_ACCOUNTS"


class PlaceState(StrEnum):
    """Where a fan stands."""

    WAITING = "WAITING"
    ADMITTED = "ADMITTED"
    EXPIRED = "EXPIRED"
    LEFT = "LEFT"
    FINISHED = "FINISHED"


_STATUSES = {status.value: status for status in Status}
PLACE_STATES = {  # by the letters that the functions write
    "W": PlaceState.WAITING,
    "G": PlaceState.ADMITTED,
    "A": PlaceState.ADMITTED,
    "E": PlaceState.EXPIRED,
    "L": PlaceState.LEFT,
    "F": PlaceState.FINISHED,
}


class Spot(NamedTuple):
    """A fan's place as the server sees it; times in ms since the Unix epoch.

    `until_ms`: the end of the session; of an ended place, when it ended; 0 while waiting.
    `wait_ms`: how long it will be until the fan's turn, from now or from the opening on.
    `joined_ms`: when the place began; a fan's next place begins later than this one ends.
    """

    epoch: int
    number: int
    state: PlaceState
    ahead: int
    until_ms: int
    phase: str
    waiting: int
    wait_ms: int
    admits_from_ms: int
    now_ms: int
    joined_ms: int


class Reply(NamedTuple):
    """The answer to a fan's call; `spot` goes with NEW and SAME only.

    `ended_ms` and `ended` (a letter) go with OK, where a place is over.
    """

    status: Status
    spot: Spot | None = None
    birth: str = ""
    epoch: int = 0
    ceiling: int = 0
    draws: bool = False  # the ceiling that was met is the draw's
    opens_ms: int = 0
    check: str = ""
    work_bits: int = 0
    ended_ms: int = 0
    ended: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """A room as a whole. `admitted` and `waited_ms` count since the room began."""

    epoch: int
    next: int
    ceiling: int
    serving: int
    waiting: int
    active: int
    admitted: int
    waited_ms: int
    phase: str
    rate: float
    just_admitted: int
    capacity: int
    pace: float


@dataclass(frozen=True, slots=True)
class TotalsReply:
    """The answer to a tick; `totals` goes with OK only."""

    status: Status
    totals: Totals | None = None
    birth: str = ""
    epoch: int = 0


def reply_of(raw: Sequence[Any]) -> Reply:
    """Return the answer to a fan's call from what the function returned."""
    status = _STATUSES[text_of(raw[0])]
    if status is Status.NEW or status is Status.SAME:
        spot = Spot(
            epoch=int(raw[1]),
            number=int(raw[2]),
            state=PLACE_STATES[text_of(raw[3])],
            ahead=int(raw[4]),
            until_ms=int(raw[5]),
            phase=text_of(raw[6]),
            waiting=int(raw[7]),
            wait_ms=int(raw[8]),
            admits_from_ms=int(raw[9]),
            now_ms=int(raw[10]),
            joined_ms=int(raw[11]),
        )
        return Reply(status, spot)
    if status is Status.OK:
        return Reply(status, ended_ms=int(raw[1]), ended=text_of(raw[2]))
    if status is Status.COLD:
        return Reply(status, birth=text_of(raw[1]))
    if status is Status.LOST or status is Status.SUPERSEDED:
        return Reply(status, epoch=int(raw[1]))
    if status is Status.CEILING:
        draws = text_of(raw[3]) == "DRAW"
        return Reply(status, epoch=int(raw[1]), ceiling=int(raw[2]), draws=draws)
    if status is Status.CHALLENGE:
        return Reply(status, check=text_of(raw[1]), work_bits=int(raw[2]))
    if status is Status.NOT_OPEN:
        return Reply(status, opens_ms=int(raw[1]))
    return Reply(status)


def text_of(value: bytes | str) -> str:
    """Return what the client gives as bytes or text, as text."""
    return value.decode() if isinstance(value, bytes) else value
