"""Shapes of sections: a convex hull around seats, each of them a square."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from catalogue.outline import convex_hull, half_width, outline_of

COORDINATE = st.integers(-50, 50).map(float)
POINTS = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=40, unique=True)


def seat(x: float, y: float, row: str = "1", section_id: str = "A") -> SimpleNamespace:
    return SimpleNamespace(x=x, y=y, row=row, section_id=section_id)


def turn(a, b, c) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@given(POINTS)
def test_a_hull_has_all_points_on_one_side_of_each_edge(points):
    hull = convex_hull(sorted(points))
    assert set(hull) <= set(points)
    edges = list(zip(hull, hull[1:] + hull[:1], strict=True))
    assert all(turn(a, b, point) >= 0 for a, b in edges for point in points if len(hull) > 2)
    # No corner could be left out.
    assert all(
        turn(hull[i - 2], hull[i - 1], hull[i]) > 0 for i in range(len(hull)) if len(hull) > 2
    )


def test_one_row_is_a_box_as_deep_as_its_seats_are_wide():
    seats = [seat(0, 0), seat(2, 0), seat(4, 0)]
    assert half_width(seats) == 1
    assert set(outline_of(seats, 1)) == {(-1, -1), (5, -1), (5, 1), (-1, 1)}


@given(POINTS)
def test_a_shape_is_the_hull_of_the_squares_of_all_seats(points):
    squares = {(x + dx, y + dy) for x, y in points for dx in (-0.5, 0.5) for dy in (-0.5, 0.5)}
    found = outline_of([seat(x, y) for x, y in points], 0.5)
    assert found == convex_hull(sorted(squares))


def test_an_aisle_makes_no_seat_wider():
    assert half_width([seat(0, 0), seat(1, 0), seat(2, 0), seat(9, 0), seat(10, 0)]) == 0.5


def test_a_seat_alone_is_a_square():
    assert len(outline_of([seat(3, 3)], half_width([seat(3, 3)]))) == 4
