"""A fan's places in all waiting rooms, as far as anything still knows them: for staff, read only.

The queue server keeps a place while it lasts and for `policy.REMEMBER_SECONDS` after its end; the
lock server keeps for as long how the last one ended that was left or paid with, also where the
queue server has lost it (Note [Ended places] in ended_places.py). Looking moves nothing: nobody is
admitted, and no session starts or ends by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from concerts.models import Performance
from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import Role, guarded
from queueing import ended_places, queries
from queueing.models import QueueConfig
from queueing.queue_server import keys_of
from queueing.replies import PLACE_STATES, PlaceState

_CALLED = "G"  # admitted, and not come yet
ROOMS = 500  # the busiest, which are looked through


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """A place of a fan: its number, how it stands, and what is known of its moments.

    `admitted_at` goes by the lengths that the room has now. `until`: the end of grace or session,
    or when the place ended; None while the fan waits. `number` and `joined_at` are None where only
    the end is known. `has_pass`: the fan has come, so the pass was handed out.
    """

    performance: Performance
    state: PlaceState
    number: int | None
    joined_at: datetime | None
    admitted_at: datetime | None
    until: datetime | None
    has_pass: bool


def places_of(*, user_id: UUID, now: datetime) -> list[KeptPlace] | None:
    """Return a fan's places; None while the queue server is unavailable.

    A statement, and a round trip to each of the two servers, however many rooms there are.
    """
    rooms = queries.busiest_rooms(now=now, limit=ROOMS)
    names = [keys_of(room.performance_id)[4] for room in rooms]
    user = str(user_id)
    try:
        kept = _read("queue", [("HGET", name, user) for name in names])
    except DependencyUnavailable:
        return None
    places = [_of_text(room, text, now) for room, text in zip(rooms, kept, strict=True) if text]
    known = {(one.performance.pk, one.until) for one in places}
    ends = _ends(rooms, user_id)
    return places + [one for one in ends if (one.performance.pk, one.until) not in known]


def _ends(rooms: Sequence[QueueConfig], user_id: UUID) -> list[KeptPlace]:
    """Return the ends that the lock server knows, of present places and of those before them.

    Without it there are none to say.
    """
    names = [ended_places.key(room.performance_id, user_id) for room in rooms]
    try:
        kept = _read("lock", [("GET", name) for name in names])
    except DependencyUnavailable:
        return []
    return [_of_end(room, text) for room, text in zip(rooms, kept, strict=True) if text]


def _read(role: Role, commands: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the replies of commands, in one round trip (a cluster's: one to each node)."""
    if not commands:
        return []

    def call(server: Any) -> list[Any]:
        pipeline = server.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return list(pipeline.execute())

    return [reply.decode() if reply else "" for reply in guarded(role, call)]


def _of_text(room: QueueConfig, text: str, now: datetime) -> KeptPlace:
    number, code, deadline, joined = text.split()
    state, until = PLACE_STATES[code], clock.from_ms(int(deadline)) if deadline != "0" else None
    admitted_at = None
    if state is PlaceState.ADMITTED and until is not None:
        seconds = room.grace_seconds if code == _CALLED else room.session_seconds
        admitted_at = until - timedelta(seconds=seconds)
        if until <= now:  # nobody has looked since
            state = PlaceState.EXPIRED
    is_known = int(number) > 0  # else only the end was noted
    return KeptPlace(
        performance=room.performance,
        state=state,
        number=int(number) if is_known else None,
        joined_at=clock.from_ms(int(joined)) if is_known else None,
        admitted_at=admitted_at,
        until=until,
        has_pass=admitted_at is not None and code != _CALLED,
    )


def _of_end(room: QueueConfig, text: str) -> KeptPlace:
    ended, code = text.split()
    return KeptPlace(
        room.performance, PLACE_STATES[code], None, None, None, clock.from_ms(int(ended)), False
    )
