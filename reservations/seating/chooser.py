"""The best free seats for a wish, and the choices that leave a single seat.

Pure functions: a seating plan, the letters of its seats by position (`A` is free) and a wish always
give the same choice. It decides nothing; a choice is only a proposal to the claim.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import hypot

from kernel.text.spelling import fold
from reservations.seating.plan import SeatingPlan, Segment

FREE = ord("A")


@dataclass(frozen=True, slots=True)
class Wish:
    """A number of seats, wherever they are, of one price grade (its code) or of any."""

    count: int
    grade: str | None = None
    accessible: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    start: int
    size: int
    rank: tuple[float, float, int]  # smaller is better
    middle: tuple[float, float]

    @property
    def positions(self) -> range:
        return range(self.start, self.start + self.size)


def choose(plan: SeatingPlan, letters: bytes, wish: Wish) -> list[int] | None:
    """Return the positions of the best free seats for a wish, or None.

    First neighbours in a row that leave no single seat, the nearest to their section's focal point;
    then any neighbours; then as few groups as possible, near the first. Accessible seats go to
    accessible wishes and to no others.
    """
    segments = plan.segments_of(grade=wish.grade, accessible=wish.accessible)
    block = _best_block(plan, segments, letters, wish.count)
    if block is not None:
        return list(block.positions)
    return _split(plan, segments, letters, wish.count)


def choose_beside(
    plan: SeatingPlan, letters: bytes, wish: Wish, *, near: tuple[float, float]
) -> list[int] | None:
    """Return the positions of free neighbours for a wish, the nearest to a point, or None.

    Those that leave no single seat go before nearer ones.
    """
    segments = plan.segments_of(grade=wish.grade, accessible=wish.accessible)
    block = _best_block(plan, segments, letters, wish.count, near=near)
    return None if block is None else list(block.positions)


def choose_mixed_beside(
    plan: SeatingPlan,
    letters: bytes,
    wish: Wish,
    *,
    accessible: int,
    near: tuple[float, float],
) -> list[int] | None:
    """Return the positions of free neighbours of both kinds, the nearest to a point, or None.

    `accessible`: how many of the wish's seats are. As `choose_beside` otherwise.
    """
    blocks = [
        range(start, start + wish.count)
        for piece in plan.mixed
        if wish.grade is None or fold(plan.segment_at(piece.start).grade) == fold(wish.grade)
        for start in range(piece.start, piece.stop - wish.count + 1)
    ]
    fitting = [
        block
        for block in blocks
        if all(letters[at] == FREE for at in block)
        and sum(plan.segment_at(at).accessible for at in block) == accessible
    ]

    def rank(block: range) -> tuple[bool, tuple[float, float, int]]:
        leaves_one = bool(single_seats(plan, letters, block))
        return leaves_one, _rank(plan, near, plan.middle_of(block), block.start)

    best = min(fitting, key=rank, default=None)
    return None if best is None else list(best)


def single_seats(plan: SeatingPlan, letters: bytes, chosen: Collection[int]) -> list[int]:
    """Return the free seats that `chosen` would leave single; accessible seats don't count."""
    taken = set(chosen)
    single = set()
    for position in taken:
        segment = plan.segment_at(position)
        if segment.accessible:
            continue
        for side in (-1, 1):
            beside = position + side
            if _is_left(segment, letters, taken, beside) and not _is_left(
                segment, letters, taken, beside + side
            ):
                single.add(beside)
    return sorted(single)


def can_avoid_single_seats(plan: SeatingPlan, letters: bytes, chosen: Collection[int]) -> bool:
    """Say whether as many neighbours of the same grades are free without leaving one single."""
    for grade in sorted({plan.segment_at(position).grade for position in chosen}):
        segments = plan.segments_of(grade=grade, accessible=False)
        if any(_clean_starts(run, len(chosen)) for run in _runs(segments, letters, len(chosen))):
            return True
    return False


def _is_left(segment: Segment, letters: bytes, taken: Collection[int], position: int) -> bool:
    return (
        segment.start <= position < segment.stop
        and letters[position] == FREE
        and position not in taken
    )


def _best_block(
    plan: SeatingPlan,
    segments: Sequence[Segment],
    letters: bytes,
    size: int,
    *,
    near: tuple[float, float] | None = None,
) -> _Block | None:
    clean: _Block | None = None
    untidy: _Block | None = None
    for segment in segments:
        # Sorted by the nearest a block can be: the rest can't be better.
        if clean is not None and near is None and segment.nearest > clean.rank[0]:
            break
        for run in _runs((segment,), letters, size):
            free_of_harm = range(*run) if segment.accessible else _clean_starts(run, size)
            for start in range(run[0], run[1] - size + 1):
                is_clean = start in free_of_harm
                if not is_clean and clean is not None:
                    continue
                middle = segment.middle(start, size)
                block = _Block(
                    start, size, _rank(plan, near or segment.focal, middle, start), middle
                )
                if is_clean:
                    clean = block if clean is None or block.rank < clean.rank else clean
                else:
                    untidy = block if untidy is None or block.rank < untidy.rank else untidy
    return clean or untidy


def _rank(
    plan: SeatingPlan, target: tuple[float, float], middle: tuple[float, float], start: int
) -> tuple[float, float, int]:
    # Blocks as near to the focal points of their own sections: the one in the middle of the hall.
    return (
        round(hypot(middle[0] - target[0], middle[1] - target[1]), 6),
        round(hypot(middle[0] - plan.front[0], middle[1] - plan.front[1]), 6),
        start,
    )


def _clean_starts(run: tuple[int, int], size: int) -> Collection[int]:
    """Return where a block can begin in a run of free seats without leaving a single one."""
    first, end = run
    return [
        start
        for start in range(first, end - size + 1)
        if start - first != 1 and end - start - size != 1
    ]


def _split(
    plan: SeatingPlan, segments: Sequence[Segment], letters: bytes, count: int
) -> list[int] | None:
    """Split the wish into as few groups as possible, without a group of one if that can be had."""
    left = bytearray(letters)
    chosen: list[int] = []
    near: tuple[float, float] | None = None
    while len(chosen) < count:
        missing = count - len(chosen)
        size = min(missing, _longest(segments, bytes(left)))
        if size > 2 and missing - size == 1:
            size -= 1
        block = _best_block(plan, segments, bytes(left), size, near=near) if size else None
        if block is None:
            return None
        chosen += block.positions
        left[block.start : block.start + size] = b"-" * size
        near = near or block.middle
    return sorted(chosen)


def _longest(segments: Iterable[Segment], letters: bytes) -> int:
    return max((end - start for start, end in _runs(segments, letters, 1)), default=0)


def _runs(segments: Iterable[Segment], letters: bytes, at_least: int) -> Iterator[tuple[int, int]]:
    find = _run_of(at_least).finditer
    for segment in segments:
        for found in find(letters, segment.start, segment.stop):
            yield found.span()


@cache
def _run_of(at_least: int) -> re.Pattern[bytes]:
    return re.compile(rb"A{%d,}" % at_least)
