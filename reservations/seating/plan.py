"""The seating plan: the rows of a layout, cut into segments of neighbouring seats.

A plan is built once for a frozen layout and shared by all threads. It addresses seats by their
`position`, which runs along each row whatever the seats' `index` in the layout is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from math import hypot
from operator import itemgetter
from uuid import UUID

from kernel.text.spelling import fold

# A gap this much wider than between neighbours is an aisle.
_AISLE = 1.6


@dataclass(frozen=True, slots=True)
class PlanSeat:
    """One seat of a layout; `focal_x` and `focal_y` are its section's, if it has any."""

    seat_id: UUID
    index: int
    section: UUID
    row: str
    x: float
    y: float
    accessible: bool
    grade: str
    focal_x: float | None
    focal_y: float | None


@dataclass(frozen=True, slots=True)
class Segment:
    """Neighbouring seats of one row and one kind: positions `start` to `stop` (excluded)."""

    start: int
    stop: int
    grade: str
    accessible: bool
    focal: tuple[float, float]
    nearest: float  # no block of this segment is nearer to the focal point
    xs: tuple[float, ...]  # running sums, for the middle of any block
    ys: tuple[float, ...]

    def middle(self, start: int, size: int) -> tuple[float, float]:
        """Return the middle of the block of `size` seats from position `start`."""
        at = start - self.start
        return (
            (self.xs[at + size] - self.xs[at]) / size,
            (self.ys[at + size] - self.ys[at]) / size,
        )


class SeatingPlan:
    """A layout as the chooser needs it: `seat_ids` by position, segments by kind.

    `mixed`: the positions between two aisles of a row where there are seats of both kinds.
    """

    def __init__(self, seats: Iterable[PlanSeat]) -> None:
        rows = [_side_by_side(row) for row in _rows(seats)]
        ordered = [seat for row in rows for seat in row]
        self.seat_ids = tuple(seat.seat_id for seat in ordered)
        self.position_of = {seat_id: at for at, seat_id in enumerate(self.seat_ids)}
        self.front = _centre_front(ordered)
        self.segments = tuple(_segments(rows, self.front))
        self.mixed = tuple(_mixed_pieces(rows))
        self._indexes = [seat.index for seat in ordered]
        self._starts = {
            position: segment
            for segment in self.segments
            for position in range(segment.start, segment.stop)
        }
        self._by_kind: dict[tuple[str | None, bool], tuple[Segment, ...]] = {}
        for accessible in (False, True):
            for grade in {None, *(fold(segment.grade) for segment in self.segments)}:
                self._by_kind[grade, accessible] = tuple(
                    sorted(
                        (
                            segment
                            for segment in self.segments
                            if segment.accessible is accessible
                            and grade in {None, fold(segment.grade)}
                        ),
                        key=lambda segment: (segment.nearest, segment.start),
                    )
                )

    def in_order(self, statuses: str) -> bytes:
        """Return a status string (a letter for each seat by `index`), ordered by position."""
        if not self._indexes:
            return b""
        picked = itemgetter(*self._indexes)(statuses)
        return "".join(picked).encode()

    def segments_of(self, *, grade: str | None, accessible: bool) -> Sequence[Segment]:
        """Return the segments of one kind, the nearest to their focal point first."""
        return self._by_kind.get((None if grade is None else fold(grade), accessible), ())

    def segment_at(self, position: int) -> Segment:
        """Return the segment a position belongs to."""
        return self._starts[position]

    def middle_of(self, positions: Sequence[int]) -> tuple[float, float]:
        """Return the middle of some seats, wherever they are."""
        points = [self.segment_at(position).middle(position, 1) for position in positions]
        xs, ys = zip(*points, strict=True)
        return (sum(xs) / len(xs), sum(ys) / len(ys))


def _rows(seats: Iterable[PlanSeat]) -> Iterable[list[PlanSeat]]:
    by_index = sorted(seats, key=lambda seat: seat.index)
    rows: dict[tuple[UUID, str], list[PlanSeat]] = {}
    for seat in by_index:
        rows.setdefault((seat.section, seat.row), []).append(seat)
    return rows.values()


def _side_by_side(row: list[PlanSeat]) -> list[PlanSeat]:
    """Order a row in the direction it runs; the numbers don't say (odd left, even right)."""
    xs = [seat.x for seat in row]
    ys = [seat.y for seat in row]
    if max(xs) - min(xs) >= max(ys) - min(ys):
        return sorted(row, key=lambda seat: (seat.x, seat.index))
    return sorted(row, key=lambda seat: (seat.y, seat.index))


def _centre_front(seats: Sequence[PlanSeat]) -> tuple[float, float]:
    if not seats:
        return (0.0, 0.0)
    xs = [seat.x for seat in seats]
    return ((min(xs) + max(xs)) / 2, min(seat.y for seat in seats))


def _segments(rows: Sequence[list[PlanSeat]], front: tuple[float, float]) -> Iterable[Segment]:
    start = 0
    for row in rows:
        for seats in _neighbours(row):
            first = seats[0]
            focal = front
            if first.focal_x is not None and first.focal_y is not None:
                focal = (float(first.focal_x), float(first.focal_y))
            yield Segment(
                start,
                start + len(seats),
                first.grade,
                first.accessible,
                focal,
                _distance_to_box(focal, seats),
                tuple(accumulate((seat.x for seat in seats), initial=0.0)),
                tuple(accumulate((seat.y for seat in seats), initial=0.0)),
            )
            start += len(seats)


def _mixed_pieces(rows: Sequence[list[PlanSeat]]) -> Iterable[range]:
    start = 0
    for row in rows:
        for seats in _between_aisles(row):
            if len({seat.accessible for seat in seats}) > 1:
                yield range(start, start + len(seats))
            start += len(seats)


def _neighbours(row: list[PlanSeat]) -> Iterable[list[PlanSeat]]:
    """Cut a row at its aisles and where accessible seats begin and end."""
    for piece in _between_aisles(row):
        for _, seats in groupby(piece, key=lambda seat: seat.accessible):
            yield list(seats)


def _between_aisles(row: list[PlanSeat]) -> Iterable[list[PlanSeat]]:
    gaps = [hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(row)]
    usual = sorted(gap for gap in gaps if gap > 0)
    widest = usual[len(usual) // 4] * _AISLE if usual else 0.0
    pieces = accumulate((gap > widest for gap in gaps), initial=0)
    for _, piece in groupby(zip(row, pieces, strict=True), key=itemgetter(1)):
        yield [seat for seat, _ in piece]


def _distance_to_box(point: tuple[float, float], seats: Sequence[PlanSeat]) -> float:
    x, y = point
    xs = [seat.x for seat in seats]
    ys = [seat.y for seat in seats]
    return hypot(max(min(xs) - x, 0.0, x - max(xs)), max(min(ys) - y, 0.0, y - max(ys)))
