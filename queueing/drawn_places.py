"""What the queue server knows of a draw: how many turns were taken, and who has which number.

Both are read as the functions left them: names of keys and fields are those of the first release
(Note [Library versions] in README.md). Raises DependencyUnavailable.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from kernel.redis.clients import guarded
from kernel.redis.functions import text_of
from queueing import draw, policy
from queueing.queue_server import keys_of

_PLACES_A_CALL = 1000


def count(performance_id: UUID) -> int:
    """Return how many turns of the draw were taken, those skipped after a loss among them."""
    state_key = keys_of(performance_id)[1]
    found: Any = guarded("queue", lambda server: server.hget(state_key, "drawn"))
    return int(found or 0)


class DrawnPlace(NamedTuple):
    """A user's number, and as which one the user joined the draw."""

    user: str
    number: int
    nth: int


def drawn(performance_id: UUID, *, start: int, key: str) -> Iterator[DrawnPlace]:
    """Yield the places, ended ones too, whose numbers a draw by this key gave: not who joined after
    the opening, or left without a number.
    """
    for user, number in _numbers(performance_id):
        if 0 < number - start <= policy.DRAW_NUMBERS:
            yield DrawnPlace(user, number, draw.order_of(number, key=key, start=start))


def _numbers(performance_id: UUID) -> Iterator[tuple[str, int]]:
    """Yield each user and the number of the place; a bounded batch a call."""
    places_key, cursor = keys_of(performance_id)[4], 0
    while True:
        cursor, found = guarded("queue", partial(_scanned, places_key, cursor))
        for user, place in found.items():
            yield text_of(user), int(text_of(place).partition(" ")[0])
        if cursor == 0:
            return


def _scanned(key: str, cursor: int, server: Any) -> Any:
    return server.hscan(key, cursor, count=_PLACES_A_CALL)
