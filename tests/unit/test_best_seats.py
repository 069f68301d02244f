"""The best free seats: neighbours, near the focal point, nobody left alone, nothing at random."""

import re
from math import hypot

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.ids import uuid7
from reservations.seating import chooser
from reservations.seating.chooser import Wish
from reservations.seating.plan import PlanSeat, SeatingPlan


def hall_of(*rows, aisles=(), accessible=(), focal=(None, None), order=None):
    """Return a plan of one section; a row is the number of its seats, or a grade and that."""
    section = uuid7()
    seats, index = [], 0
    for y, row in enumerate(rows):
        grade, length = row if isinstance(row, tuple) else ("R", row)
        numbers = [order[n] for n in range(length)] if order else range(length)
        for number in numbers:
            x = float(number + 3 * sum(number >= aisle for aisle in aisles))
            seats.append(
                PlanSeat(
                    uuid7(),
                    index,
                    section,
                    str(y),
                    x,
                    float(y),
                    index in accessible,
                    grade,
                    *focal,
                )
            )
            index += 1
    return SeatingPlan(seats)


def choose(plan, letters, count, **wish):
    return chooser.choose(plan, letters.encode(), Wish(count, **wish))


@pytest.mark.parametrize(
    ("letters", "count", "old", "best"),
    [
        ("AATTTAAAAAA", 2, [2, 3], [0, 1]),
        ("TATTTAAAAAA", 2, [2, 3], [5, 6]),
        ("AATTTTTTAAA", 2, [6, 7], [0, 1]),  # the nearer ones would leave one alone
        ("TTTTTTTTAAA", 2, [6, 7], [8, 9]),
        ("AAAAATTAAAA", 2, [5, 6], [3, 4]),
        ("ATATATATATA", 2, [5, 6], None),  # never apart
        ("TTTTTTTTTTT", 1, [0], None),
    ],
)
def test_neighbours_near_other_seats(letters, count, old, best):
    plan = hall_of(len(letters))
    near = plan.middle_of(old)
    assert chooser.choose_beside(plan, letters.encode(), Wish(count, "R"), near=near) == best


@pytest.mark.parametrize(
    ("letters", "old", "best"),
    [
        ("TTTAAAAAAA", [1, 2], [3, 4]),  # seats 1, 4 and 8 are accessible
        ("TTTAAATTAA", [1, 2], [3, 4]),
        ("TTTTTATTAA", [1, 2], [8, 9]),
        ("TTTTAAAATT", [1, 2], [4, 5]),
        ("TTTATAATTA", [1, 2], None),
        ("TTTTTTATAT", [7, 8], None),  # an aisle is between 6 and 7
        ("TTATAAAATT", [3, 4], [4, 5]),  # it leaves 6 no more alone than it was
        ("AATTAAATTT", [3, 4], [0, 1]),  # the nearer one would leave 6 alone
        ("AAATAAATTT", [0, 1, 2], [0, 1, 2]),
        ("TTTAAATTTT", [0, 1, 2], [3, 4, 5]),
        ("TAAAATAAAA", [0, 1, 4], None),  # two of the three are: no three neighbours have two
    ],
)
def test_company_sits_beside_a_wheelchair(letters, old, best):
    plan = hall_of(len(letters), accessible={1, 4, 8}, aisles=[7])
    chosen = chooser.choose_mixed_beside(
        plan,
        letters.encode(),
        Wish(len(old), "r"),
        accessible=sum(at in {1, 4, 8} for at in old),
        near=plan.middle_of(old),
    )
    assert chosen == best


@pytest.mark.parametrize(
    ("letters", "count", "best"),
    [
        ("AAAAAAAAA", 1, [4]),  # centre front
        ("AAAAAAAAA", 3, [3, 4, 5]),
        ("AAAA", 2, [0, 1]),  # the middle would leave both ends alone
        ("AAATAA", 2, [4, 5]),  # not nearer, but nobody is left alone
        ("AAATTA", 2, [1, 2]),  # no other choice: the nearer pair, and one is left alone
        ("TTTTTT", 1, None),
        ("ATATAT", 2, [2, 4]),  # apart only when there are no neighbours
        ("AATATT", 3, [0, 1, 3]),  # as few groups as can be
        ("AATT", 3, None),
    ],
)
def test_one_row(letters, count, best):
    assert choose(hall_of(len(letters)), letters, count) == best


def test_the_focal_point_of_the_section_counts():
    letters = "A" * 30
    assert choose(hall_of(10, 10, 10, focal=(8.0, 2.0)), letters, 1) == [
        27
    ]  # not 28: 29 would be left
    assert choose(hall_of(10, 10, 10), letters, 2) == [4, 5]


def test_seats_across_an_aisle_are_no_neighbours():
    assert choose(hall_of(4, aisles=[2]), "TAAT", 2) == [1, 2]  # apart, for want of better
    assert choose(hall_of(4, 4, aisles=[2]), "TAATAATT", 2) == [4, 5]


def test_neighbours_follow_from_where_they_stand_not_from_their_numbers():
    odd_left_even_right = [4, 5, 3, 6, 2, 7, 1, 8, 0, 9]
    plan = hall_of(10, order=odd_left_even_right)
    in_the_file = "".join("A" if x in {0, 1} else "T" for x in odd_left_even_right)
    letters = plan.in_order(in_the_file).decode()
    assert letters == "AATTTTTTTT"
    assert choose(plan, letters, 2) == [0, 1]


def test_a_grade_is_kept():
    plan = hall_of(("VIP", 4), ("R", 4))
    assert choose(plan, "A" * 8, 2, grade="R") == [4, 5]
    assert choose(plan, "TTTTAAAA", 2, grade="VIP") is None
    assert choose(plan, "A" * 8, 2, grade="none such") is None


def test_accessible_places_are_for_those_who_ask_and_for_nobody_else():
    plan = hall_of(6, accessible={0, 1})
    assert choose(plan, "AATTTT", 2) is None
    assert choose(plan, "AATTTT", 1) is None
    assert choose(plan, "AAAAAA", 2, accessible=True) == [0, 1]
    assert choose(plan, "AAAAAA", 3, accessible=True) is None


def test_groups_that_must_be_split_leave_nobody_alone_and_stay_near():
    plan = hall_of(3, 3, 3, 3)
    assert choose(plan, "AAAAAATTTTTT", 4) == [0, 1, 3, 4]
    assert choose(plan, "AATTTTAATAAT", 4) == [0, 1, 6, 7]


STATES = st.sampled_from("AAATRB")
HALLS = st.builds(
    lambda rows, aisles, accessible: hall_of(*rows, aisles=aisles, accessible=accessible),
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.lists(st.integers(1, 11), max_size=2),
    st.sets(st.integers(0, 40), max_size=8),
)


@st.composite
def situations(draw):
    plan = draw(HALLS)
    size = len(plan.seat_ids)
    letters = "".join(draw(st.lists(STATES, min_size=size, max_size=size)))
    return plan, letters, draw(st.integers(1, 6)), draw(st.booleans())


def free_runs(plan, letters, accessible):
    """Every run of free neighbours of the kind asked for, found the slow way."""
    return [
        (segment.start + run.start(), segment.start + run.end())
        for segment in plan.segments
        if segment.accessible == accessible
        for run in re.finditer("A+", letters[segment.start : segment.stop])
    ]


@settings(max_examples=400, deadline=None)
@given(situations())
def test_what_is_proposed_keeps_every_promise(situation):
    plan, letters, count, accessible = situation
    chosen = choose(plan, letters, count, accessible=accessible)
    assert chosen == choose(plan, letters, count, accessible=accessible)
    runs = free_runs(plan, letters, accessible)
    if chosen is None:
        assert sum(end - start for start, end in runs) < count
        return
    assert len(set(chosen)) == count
    assert {letters[position] for position in chosen} == {"A"}
    assert {plan.segment_at(position).accessible for position in chosen} == {accessible}
    together = chosen[-1] - chosen[0] == count - 1 and any(
        start <= chosen[0] and chosen[-1] < end for start, end in runs
    )
    assert together == any(end - start >= count for start, end in runs)
    if not together or accessible:
        return
    tidy = [
        start
        for first, end in runs
        for start in range(first, end - count + 1)
        if start - first != 1 and end - start - count != 1
    ]
    left_alone = chooser.single_seats(plan, letters.encode(), chosen)
    assert bool(left_alone) == (not tidy)
    # No tidy block, or no block at all where none is tidy, is nearer.
    rivals = tidy or [s for first, end in runs for s in range(first, end - count + 1)]
    assert distance(plan, chosen) <= min(
        distance(plan, range(start, start + count)) for start in rivals
    )


def distance(plan, positions):
    segment = plan.segment_at(positions[0])
    x, y = segment.middle(positions[0], len(positions))
    return round(hypot(x - segment.focal[0], y - segment.focal[1]), 6)


@pytest.mark.parametrize(
    ("letters", "chosen", "alone", "avoidable"),
    [
        ("AAAA", [1], [0], True),
        ("AAAA", [0, 1], [], True),
        ("AAAA", [1, 2], [0, 3], True),
        ("AAA", [0, 1], [2], False),  # any pair of three leaves one
        ("AAATAA", [0, 1], [2], True),  # the other pair would not
        ("ATAA", [2], [3], True),  # the one at the left was alone before
        ("AAAAA", [0, 4], [], True),
        ("AAAAA", [0, 2], [1], True),
    ],
)
def test_who_is_left_alone(letters, chosen, alone, avoidable):
    plan = hall_of(len(letters))
    assert chooser.single_seats(plan, letters.encode(), chosen) == alone
    assert chooser.can_avoid_single_seats(plan, letters.encode(), chosen) == avoidable


def test_accessible_places_are_never_said_to_be_left_alone():
    plan = hall_of(4, accessible={0, 1, 2, 3})
    assert chooser.single_seats(plan, b"AAAA", [1]) == []
