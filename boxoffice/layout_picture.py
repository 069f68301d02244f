"""A layout as a picture beside the one before: which seats stay, move, come and go.

One path of little squares for each sort, as markup of eight thousand shapes would be slow to read.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from concerts.layout.form import Layout, SeatForm
from kernel.text.spelling import fold

_SIDE = 0.8
_SORTS = ("kept", "moved", "added", "removed")


@dataclass(frozen=True, slots=True)
class SeatsOfSort:
    """Seats of one sort (`kept`, `moved`, `added`, `removed`): how many, and their path."""

    sort: str
    count: int
    path: str


@dataclass(frozen=True, slots=True)
class LayoutPicture:
    """The picture: its `viewBox` in units of the layout, and its seats by sort."""

    view_box: str
    sorts: tuple[SeatsOfSort, ...]


def picture(old: Layout, new: Layout) -> LayoutPicture | None:
    """Return the picture of `new` beside `old`; None where neither has a seat."""
    before, after = _by_place(old.seats), _by_place(new.seats)
    seats: dict[str, list[SeatForm]] = {sort: [] for sort in _SORTS}
    for place, seat in after.items():
        seats[_sort_of(seat, before.get(place))].append(seat)
    seats["removed"] = [seat for place, seat in before.items() if place not in after]
    drawn = [seat for rows in seats.values() for seat in rows]
    if not drawn:
        return None
    left, top = min(seat.x for seat in drawn), min(seat.y for seat in drawn)
    width, height = (max(seat.x for seat in drawn) - left, max(seat.y for seat in drawn) - top)
    return LayoutPicture(
        view_box=f"{left - 1:g} {top - 1:g} {width + 3:g} {height + 3:g}",
        sorts=tuple(SeatsOfSort(sort, len(rows), _path(rows)) for sort, rows in seats.items()),
    )


def _sort_of(seat: SeatForm, before: SeatForm | None) -> str:
    if before is None:
        return "added"
    return "kept" if (seat.x, seat.y) == (before.x, before.y) else "moved"


def _by_place(seats: Iterable[SeatForm]) -> dict[tuple[str, str, str], SeatForm]:
    return {(fold(one.section), fold(one.row), fold(one.number)): one for one in seats}


def _path(seats: Iterable[SeatForm]) -> str:
    return "".join(f"M{one.x:g} {one.y:g}h{_SIDE}v{_SIDE}h-{_SIDE}z" for one in seats)
