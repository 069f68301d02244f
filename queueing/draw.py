"""The draw in Python, so that anybody can check it (Note [Draw] in README.md).

The functions of the queue server draw by `permuted` in lua/queue_places.lua; this is the same
network and its inverse.
"""

from hashlib import sha1

from queueing import policy

ALGORITHM = (
    "n = 1 for the first who joined before the opening; left, right = divmod(n - 1, 1024); "
    "for round = 1 to 6: left, right = right, (left + mix) mod 1024, where mix is the first 24 "
    "bits of SHA-1 of the text seed:round:right (decimal); number = start + left * 1024 + right + 1"
)
_HALF = 1024
_ROUNDS = 6


def number_of(nth: int, *, seed: str, start: int) -> int:
    """Return the number that the `nth` who joined before the opening drew."""
    _check(nth)
    left, right = divmod(nth - 1, _HALF)
    for turn in range(1, _ROUNDS + 1):
        left, right = right, (left + _mixed(seed, turn, right)) % _HALF
    return start + left * _HALF + right + 1


def order_of(number: int, *, seed: str, start: int) -> int:
    """Return as which one the holder of a drawn number joined."""
    _check(number - start)
    left, right = divmod(number - start - 1, _HALF)
    for turn in range(_ROUNDS, 0, -1):
        left, right = (right - _mixed(seed, turn, left)) % _HALF, left
    return left * _HALF + right + 1


def _mixed(seed: str, turn: int, half: int) -> int:
    digest = sha1(f"{seed}:{turn}:{half}".encode(), usedforsecurity=False)
    return int(digest.hexdigest()[:6], 16)


def _check(nth: int) -> None:
    if not 1 <= nth <= policy.DRAW_NUMBERS:
        raise ValueError(f"the draw has {policy.DRAW_NUMBERS} numbers")
