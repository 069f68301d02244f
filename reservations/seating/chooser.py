"""Choose the best seats that are free, and see which choices leave a single seat alone.

Pure: a hall, the letters of its seats by position (`A` is free), and a wish give always the same
answer. Nothing is decided here; a choice is only a proposal to the claim.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import hypot

from reservations.seating.hall import Hall, Segment

FREE = ord("A")


@dataclass(frozen=True, slots=True)
class Wish:
    """Seats somebody wants, wherever they are: of one price grade (its code) or of any."""

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


def choose(hall: Hall, letters: bytes, wish: Wish) -> list[int] | None:
    """Return the positions of the best free seats for a wish, or None.

    Neighbours in a row, the nearest to the section's focal point of those that leave no single
    seat alone; then any neighbours; then as few groups as possible, near the first. Accessible
    places are given to accessible wishes and to no others.
    """
    segments = hall.segments_of(grade=wish.grade, accessible=wish.accessible)
    block = _best_block(hall, segments, letters, wish.count)
    if block is not None:
        return list(block.positions)
    return _split(hall, segments, letters, wish.count)


def stranded(hall: Hall, letters: bytes, chosen: Collection[int]) -> list[int]:
    """Return the free seats that `chosen` would leave alone; accessible places don't count."""
    taken = set(chosen)
    alone = set()
    for position in taken:
        segment = hall.segment_at(position)
        if segment.accessible:
            continue
        for side in (-1, 1):
            beside = position + side
            if _is_left(segment, letters, taken, beside) and not _is_left(
                segment, letters, taken, beside + side
            ):
                alone.add(beside)
    return sorted(alone)


def can_avoid_stranding(hall: Hall, letters: bytes, chosen: Collection[int]) -> bool:
    """Say whether as many neighbours of the same grades are free without leaving one alone."""
    for grade in sorted({hall.segment_at(position).grade for position in chosen}):
        segments = hall.segments_of(grade=grade, accessible=False)
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
    hall: Hall,
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
                    start, size, _rank(hall, near or segment.focal, middle, start), middle
                )
                if is_clean:
                    clean = block if clean is None or block.rank < clean.rank else clean
                else:
                    untidy = block if untidy is None or block.rank < untidy.rank else untidy
    return clean or untidy


def _rank(
    hall: Hall, target: tuple[float, float], middle: tuple[float, float], start: int
) -> tuple[float, float, int]:
    # Blocks as near to the focal points of their own sections: the one in the middle of the hall.
    return (
        round(hypot(middle[0] - target[0], middle[1] - target[1]), 6),
        round(hypot(middle[0] - hall.front[0], middle[1] - hall.front[1]), 6),
        start,
    )


def _clean_starts(run: tuple[int, int], size: int) -> Collection[int]:
    """Return where a block can begin in a run of free seats without leaving one alone."""
    first, end = run
    return [
        start
        for start in range(first, end - size + 1)
        if start - first != 1 and end - start - size != 1
    ]


def _split(hall: Hall, segments: Sequence[Segment], letters: bytes, count: int) -> list[int] | None:
    """Cut the wish into as few groups as there can be, none of one person if it can be helped."""
    left = bytearray(letters)
    chosen: list[int] = []
    near: tuple[float, float] | None = None
    while len(chosen) < count:
        missing = count - len(chosen)
        size = min(missing, _longest(segments, bytes(left)))
        if size > 2 and missing - size == 1:
            size -= 1
        block = _best_block(hall, segments, bytes(left), size, near=near) if size else None
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
