"""The outline of a hall: each section as a shape, for a picture before any seat is known.

A shape is the convex hull of its section's seats (Andrew's monotone chain: A. M. Andrew, "Another
efficient algorithm for convex hulls in two dimensions", Information Processing Letters 9, 1979),
each seat taken as a square that is as wide as neighbours are apart.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import hypot
from statistics import median

from catalogue.seat_plans import PlannedSeat

Point = tuple[float, float]

_HALF_A_SEAT = 0.5  # where no two seats stand in one row


def half_width(seats: Sequence[PlannedSeat]) -> float:
    """Return half of the usual distance of neighbours in a row, in units of the layout."""
    apart = [
        hypot(after.x - before.x, after.y - before.y)
        for before, after in pairwise(seats)
        if (before.section_id, before.row) == (after.section_id, after.row)
    ]
    return median(apart) / 2 if apart else _HALF_A_SEAT


def outline_of(seats: Iterable[PlannedSeat], half: float) -> list[Point]:
    """Return the corners of the shape around some seats, without repeating the first."""
    # Of seats at one height only the two ends can be corners.
    ends: dict[float, tuple[float, float]] = {}
    for seat in seats:
        left, right = ends.get(seat.y, (seat.x, seat.x))
        ends[seat.y] = (min(left, seat.x), max(right, seat.x))
    corners = {
        (round(x + dx, 2), round(y + dy, 2))
        for y, both in ends.items()
        for x in both
        for dx in (-half, half)
        for dy in (-half, half)
    }
    return convex_hull(sorted(corners))


def convex_hull(points: Sequence[Point]) -> list[Point]:
    """Return the corners of the hull of sorted points, in one direction; O(n)."""
    if len(points) < 3:
        return list(points)
    return _chain(points)[:-1] + _chain(points[::-1])[:-1]


def _chain(points: Iterable[Point]) -> list[Point]:
    chain: list[Point] = []
    for point in points:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
            chain.pop()
        chain.append(point)
    return chain


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
