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
    LIMITED = "LIMITED"  # too many calls: `limit` says which
    LIMITED_ADDRESS = (
        "LIMITED_ADDRESS"  # as the functions say it: LIMITED, by the client IP's limit
    )
    FAILED = "FAILED"  # an error met with this fan alone


class PlaceState(StrEnum):
    """Where a fan stands."""

    WAITING = "WAITING"
    ADMITTED = "ADMITTED"
    EXPIRED = "EXPIRED"
    LEFT = "LEFT"
    FINISHED = "FINISHED"


_STATUSES = {status.value: status for status in Status}
# Before a fan is answered.
_MORE_TO_DO = frozenset(
    {Status.COLD, Status.SUPERSEDED, Status.LOST, Status.CEILING, Status.CHALLENGE}
)
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

    `ended_ms` and `ended_as` (a state code) go with OK, where a place is over. `limit`: what the
    function counted, for `in_redis.check_limit`. `failure`: the server's words, with FAILED.
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
    limit: Sequence[Any] = ()
    failure: str = ""


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
    """Return the reply about one fan's end, or why a room can't be entered."""
    return _without_spot([text_of(raw[0]), *raw[1:]])


def replies_to(fans: int, received: Sequence[Any]) -> list[Reply]:
    """Return the replies to a batch of so many fans, from what the function returned."""
    refusal, *served = received
    if refusal:  # nobody can enter the room
        return [reply_of(refusal)] * fans
    return replies_of(served)


def are_final(replies: Sequence[Reply]) -> bool:
    """Return whether a batch needs no further call: every fan has a place or a refusal."""
    return _MORE_TO_DO.isdisjoint([reply.status for reply in replies])


def replies_of(served: Sequence[Any]) -> list[Reply]:
    """Return the replies to a batch of polls or of joins, from what the function returned.

    `served`: epoch, the room's state, when it admits from, its time, the fans' replies; and of
    joins what each caller hears of the limit, and the limits.
    """
    epoch, state, admits_from_ms, now_ms, texts, *limits = served
    room = (epoch, text_of(state), admits_from_ms, now_ms)
    if not limits:
        return [_reply_of(room, text_of(text).split(" ")) for text in texts]
    heard, *limits = limits
    turns = iter(heard)
    return [
        _counted_reply_of(room, text_of(text).split(" "), remaining, reset, limits)
        for text, remaining, reset in zip(texts, turns, turns, strict=True)
    ]


def _counted_reply_of(
    room: tuple[int, str, int, int],
    words: Sequence[str],
    remaining: int,
    reset: int,
    limits: Sequence[int],
) -> Reply:
    """Return the reply with what its caller hears of the limit; -1 remain where none counted."""
    if remaining < 0:
        return _reply_of(room, words)
    user_calls, user_period_ms, address_calls, address_period_ms = limits
    if words[0] == Status.LIMITED_ADDRESS:
        limit = ("join_address", address_calls, address_period_ms, remaining, reset, 1)
        return Reply(Status.LIMITED, limit=limit)
    is_refused = int(words[0] == Status.LIMITED)
    limit = ("join", user_calls, user_period_ms, remaining, reset, is_refused)
    return _reply_of(room, words, limit)


def _reply_of(
    room: tuple[int, str, int, int], words: Sequence[str], limit: Sequence[Any] = ()
) -> Reply:
    status = _STATUSES[words[0]]
    if status is not Status.NEW and status is not Status.SAME:
        reply = _without_spot(words)
        return reply._replace(limit=limit) if limit else reply
    epoch, state, admits_from_ms, now_ms = room
    _, number, state_code, ahead, until_ms, waiting, wait_ms, joined_ms = words
    spot = Spot(
        epoch,
        int(number),
        PLACE_STATES[state_code],
        int(ahead),
        int(until_ms),
        state,
        int(waiting),
        int(wait_ms),
        admits_from_ms,
        now_ms,
        int(joined_ms),
    )
    return Reply(status, spot, limit=limit)


def _without_spot(raw: Sequence[Any]) -> Reply:
    status = _STATUSES[raw[0]]
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
    if status is Status.FAILED:
        return Reply(status, failure=" ".join(raw[1:]))
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
