"""The draw in Python, so that anybody can check it (Note [Draw] in README.md).

The functions of the queue server draw by `permuted` in lua/queue_places.lua; this is the same
network and its inverse. docs/verify_draw.py is the same once more, for everybody, without our code.
"""

from collections.abc import Sequence
from hashlib import sha1, sha256
from itertools import takewhile
from uuid import UUID

from queueing import policy

ALGORITHM = (
    "key = seed, or with a beacon mixed in the first 32 hex digits of SHA-256 of the text "
    "seed:value; n = 1 for the first who joined before the opening; "
    "left, right = divmod(n - 1, 1024); "
    "for round = 1 to 6: left, right = right, (left + mix) mod 1024, where mix is the first 24 "
    "bits of SHA-1 of the text key:round:right (decimal); number = start + left * 1024 + right + 1"
)
LINE_BYTES = 16  # of a roster: one line for each who was drawn
NOBODY = bytes(LINE_BYTES)  # the line of a turn that nobody holds any more
_HALF = 1024
_ROUNDS = 6


def commitment_of(seed: str) -> str:
    """Return what fixes a seed without telling it: the SHA-256 of its text, in hex."""
    return sha256(seed.encode()).hexdigest()


def key_of(seed: str, beacon: str) -> str:
    """Return what keys the draw: the seed alone, or the seed and the value of a beacon."""
    return sha256(f"{seed}:{beacon}".encode()).hexdigest()[:32] if beacon else seed


def number_of(nth: int, *, key: str, start: int) -> int:
    """Return the number that the `nth` who joined before the opening drew."""
    _check(nth)
    left, right = divmod(nth - 1, _HALF)
    for turn in range(1, _ROUNDS + 1):
        left, right = right, (left + _mixed(key, turn, right)) % _HALF
    return start + left * _HALF + right + 1


def order_of(number: int, *, key: str, start: int) -> int:
    """Return as which one the holder of a drawn number joined."""
    _check(number - start)
    left, right = divmod(number - start - 1, _HALF)
    for turn in range(_ROUNDS, 0, -1):
        left, right = (right - _mixed(key, turn, left)) % _HALF, left
    return left * _HALF + right + 1


def roster_line(performance_id: UUID, user_id: UUID | str, number: int) -> bytes:
    """Return the line of who drew `number`: who has the join token can make it, nobody read it."""
    return sha256(f"{performance_id}:{user_id}:{number}".encode()).digest()[:LINE_BYTES]


def count_unexplained(lines: Sequence[bytes], *, losses: int) -> int:
    """Return how many turns are nobody's beyond those that `losses` of the queue server skipped.

    A loss skips the rest of a block of turns; where it did so is not known, so each counts as the
    longest that it can have been. The others are turns whose holder has joined again or was lost.
    """
    blocks = range(0, len(lines), policy.NUMBER_BLOCK)
    rests = [_nobodys_at_the_end(lines[at : at + policy.NUMBER_BLOCK]) for at in blocks]
    return lines.count(NOBODY) - sum(sorted(rests, reverse=True)[:losses])


def _nobodys_at_the_end(block: Sequence[bytes]) -> int:
    return len(list(takewhile(lambda line: line == NOBODY, reversed(block))))


def _mixed(key: str, turn: int, half: int) -> int:
    digest = sha1(f"{key}:{turn}:{half}".encode(), usedforsecurity=False)
    return int(digest.hexdigest()[:6], 16)


def _check(nth: int) -> None:
    if not 1 <= nth <= policy.DRAW_NUMBERS:
        raise ValueError(f"the draw has {policy.DRAW_NUMBERS} numbers")
