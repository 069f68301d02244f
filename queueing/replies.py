"""The replies of the waiting room's functions, in types."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from kernel.redis.functions import text_of


class Status(StrEnum):
    """The first word of a reply."""

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
PLACE_STATES = {  # by the state codes of lua/queue_room.lua
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
    room_state: str
    waiting: int
    wait_ms: int
    admits_from_ms: int
    now_ms: int
    joined_ms: int


class Reply(NamedTuple):
    """The reply to a fan's call; `spot` goes with NEW and SAME only.

    `ended_ms` and `ended_as` (a state code) go with OK, where a place is over.
    """

    status: Status
    spot: Spot | None = None
    gap_id: str = ""
    epoch: int = 0
    ceiling: int = 0
    draws: bool = False  # the ceiling that was met is the draw's
    opens_ms: int = 0
    check: str = ""
    work_bits: int = 0
    ended_ms: int = 0
    ended_as: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """A room as a whole. `admitted` and `waited_ms` count since the room began.

    `admits_from_ms` (since the Unix epoch) goes with the public status only.
    """

    epoch: int
    next: int
    ceiling: int
    serving: int
    waiting: int
    active: int
    admitted: int
    waited_ms: int
    state: str
    rate: float
    just_admitted: int
    capacity: int
    pace: float
    admits_from_ms: int = 0


@dataclass(frozen=True, slots=True)
class TotalsReply:
    """The reply to a tick or for the public status; `totals` goes with OK only."""

    status: Status
    totals: Totals | None = None
    gap_id: str = ""
    epoch: int = 0


def reply_of(raw: Sequence[Any]) -> Reply:
    """Return the reply to a fan's call from what the function returned."""
    status = _STATUSES[text_of(raw[0])]
    if status is Status.NEW or status is Status.SAME:
        spot = Spot(
            epoch=int(raw[1]),
            number=int(raw[2]),
            state=PLACE_STATES[text_of(raw[3])],
            ahead=int(raw[4]),
            until_ms=int(raw[5]),
            room_state=text_of(raw[6]),
            waiting=int(raw[7]),
            wait_ms=int(raw[8]),
            admits_from_ms=int(raw[9]),
            now_ms=int(raw[10]),
            joined_ms=int(raw[11]),
        )
        return Reply(status, spot)
    if status is Status.OK:
        return Reply(status, ended_ms=int(raw[1]), ended_as=text_of(raw[2]))
    if status is Status.COLD:
        return Reply(status, gap_id=text_of(raw[1]))
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


def totals_reply_of(raw: Sequence[Any]) -> TotalsReply:
    """Return the reply to a tick or for the public status from what the function returned."""
    status = _STATUSES[text_of(raw[0])]
    if status is Status.COLD:
        return TotalsReply(status, gap_id=text_of(raw[1]))
    if status is Status.SUPERSEDED:
        return TotalsReply(status, epoch=int(raw[1]))
    if status is not Status.OK:
        return TotalsReply(status)
    totals = Totals(
        epoch=int(raw[1]),
        next=int(raw[2]),
        ceiling=int(raw[3]),
        serving=int(raw[4]),
        waiting=int(raw[5]),
        active=int(raw[6]),
        admitted=int(raw[7]),
        waited_ms=int(raw[8]),
        state=text_of(raw[9]),
        rate=float(raw[10]),
        just_admitted=int(raw[11]),
        capacity=int(raw[12]),
        pace=float(raw[13]),
        admits_from_ms=int(raw[14]) if len(raw) > 14 else 0,
    )
    return TotalsReply(status, totals)
