"""Ended places, kept on the lock server, where they survive a loss of the queue server.

Note [Ended places]
A token and a pass prove a place by themselves, so giving the place up can't take them back. What
can: each names the moment its place began (`joined_ms`), and leaving or finishing a place records
the moment it ended, by fan, after the queue server has ended it. A place that began no later than
that is over; the next place of the same fan begins later, by the queue server's own clock (which
never goes backwards, and moves on by a millisecond where it has to).

Two look it up. The function that claims seats does, in the same call, so that a pass opens nothing
once its place was left or paid with. And the waiting room does before it gives back a place that
its server has lost: once a fan and loss, never while the server knows the place. A session that
runs out needs no record: token and pass name its end.

Best effort, and bounded: a record that could not be written is counted, and the pass then counts
until the session's end, as it does while the lock server is unavailable. Records live as long as a
join token.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from prometheus_client import Counter

from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.functions import FunctionLibrary, text_of
from queueing import policy

log = logging.getLogger(__name__)
records_failed = Counter(
    "frontrow_queue_end_notes_failed_total",
    "Ended places that could not be noted: the pass counts until its session's end",
)

_FOLDER = Path(__file__).parent / "lua"
SOURCE = _FOLDER / "ended_places.lua"

library = FunctionLibrary("lock", SOURCE, _FOLDER / "ended_places_library.lua")


@dataclass(frozen=True, slots=True)
class EndedPlace:
    """A fan's place that is over: when it ended, by the queue server's clock, and how."""

    user_id: UUID
    ended_ms: int
    state_code: str


def key(performance_id: UUID, user_id: UUID) -> str:
    """Return the key of a fan's record, in the performance's slot of the lock server."""
    return f"fr:l:{{{performance_id}}}:ended:{user_id}"


def record_ends(*, performance_id: UUID, ends: Sequence[EndedPlace]) -> None:
    """Record that fans' places ended: one round trip. A failure is counted, never raised."""
    if not ends:
        return
    kept_ms = policy.REMEMBER_SECONDS * 1000
    calls = [
        ([key(performance_id, one.user_id)], (one.ended_ms, one.state_code, kept_ms))
        for one in ends
    ]
    try:
        replies = library.call_all("frontrow_ended_v1_note", calls=calls)
        failed = [reply for reply in replies if isinstance(reply, Exception)]
    except DependencyUnavailable as error:
        failed = [error] * len(ends)
    if failed:
        records_failed.inc(len(failed))
        log.warning(
            "ended places not recorded",
            extra={"performance_id": str(performance_id), "error": repr(failed[0])},
        )


def find_end(*, performance_id: UUID, user_id: UUID, joined_ms: int) -> str:
    """Return the state code of how the place that began at `joined_ms` ended, or "".

    While the lock server is unavailable no end is known.
    """
    try:
        state_code = library.call(
            "frontrow_ended_v1_find", keys=[key(performance_id, user_id)], args=[joined_ms]
        )
    except DependencyUnavailable:
        return ""
    return text_of(state_code)
