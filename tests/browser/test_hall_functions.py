"""Halls without a page: what is read of them, where keys lead, what an address may say."""

from typing import Any

import pytest

from tests.browser.conftest import Pure

PRICE = {"amount": 1000, "currency": "KRW"}
LENGTH, ROWS, GAP = 4, 3, 2


def corner(nth: int, abreast: int) -> tuple[int, int]:
    return nth % abreast * (LENGTH + GAP), nth // abreast * (ROWS + GAP)


def section(nth: int) -> dict[str, Any]:
    first = nth * LENGTH * ROWS
    shown = {"code": f"S{nth}", "name": f"Section {nth}", "grade": "R", "price": PRICE}
    return {**shown, "first_index": first, "focal": None}


def outline(sections: int, abreast: int = 2, **changes: Any) -> dict[str, Any]:
    """Return a hall of blocks of twelve seats, each half a seat wider than where they stand."""
    shapes = []
    for nth in range(sections):
        left, top = (value - 0.5 for value in corner(nth, abreast))
        right, bottom = left + LENGTH, top + ROWS
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        shapes.append({**section(nth), "seats": LENGTH * ROWS, "outline": corners})
    return {"layout_version": 1, "bounds": None, "stage": None, "sections": shapes} | changes


def seat_map(nth: int, abreast: int = 2) -> dict[str, Any]:
    left, top = corner(nth, abreast)
    rows = [
        {
            "label": str(row + 1),
            "seats": [
                {
                    "id": f"{nth}-{row}-{at}",
                    "number": str(at + 1),
                    "index": nth * LENGTH * ROWS + row * LENGTH + at,
                    "x": left + at,
                    "y": top + row,
                    "accessible": False,
                }
                for at in range(LENGTH)
            ],
        }
        for row in range(ROWS)
    ]
    return {"layout_version": 1, "sections": [{**section(nth), "rows": rows}]}


HALL = """
const hall = m.hallOf(outline);
for (const one of maps) m.addSeats(hall, one);
"""


def in_hall(pure: Pure, script: str, *, sections: int = 4, loaded: tuple[int, ...] = (), **more):
    """Evaluate with `hall`, some of whose sections are loaded."""
    maps = [seat_map(nth) for nth in loaded]
    given = {"outline": outline(sections), "maps": maps} | more
    return pure(f"(m, {{ outline, maps, arg }}) => {{ {HALL} return {script}; }}", given)


def test_a_hall_stands_before_its_seats(pure: Pure):
    found = in_hall(pure, "[hall.count, hall.box, hall.pitch, hall.sections[3].box]")
    count, box, pitch, last = found
    assert count == 48
    assert pitch == pytest.approx(1)
    assert last == {"left": 5.5, "top": 4.5, "right": 9.5, "bottom": 7.5}
    assert box == {"left": -0.5, "top": -3.5, "right": 9.5, "bottom": 7.5}  # with a stage before it


def test_a_stage_stands_where_the_layout_says_or_on_the_side_of_the_view(pure: Pure):
    said = outline(2, stage=[[20, 0], [24, 0], [24, 6]])
    stage = "(m, one) => m.hallOf(one).stage"
    assert pure(stage, said) == [[20, 0], [24, 0], [24, 6]]
    below = outline(2)
    for one in below["sections"]:
        one["focal"] = {"x": 1, "y": 40}
    assert min(y for _, y in pure(stage, below)) > 2.5
    assert max(y for _, y in pure(stage, outline(2))) < -0.5


def test_seats_are_added_once_and_in_their_place(pure: Pure):
    script = "[m.addSeats(hall, arg), hall.rows.length, hall.ids[25], hall.indexOf.get('2-0-1')]"
    new = in_hall(pure, script, loaded=(0,), arg=seat_map(2))
    assert new == [[2], 6, "2-0-1", 25]
    assert in_hall(pure, script, loaded=(2,), arg=seat_map(2))[:2] == [[], 3]


WANTED = """(m, { outline, view, px }) => m.wantedIn(m.hallOf(outline), view, px)"""
FIRST = {"left": 0, "top": 0, "right": 3, "bottom": 3}


def test_a_small_hall_is_wanted_whole_and_a_large_one_as_it_is_looked_at(pure: Pure):
    small = {"outline": outline(4), "view": FIRST, "px": 1}
    assert pure(WANTED, small) == [0, 1, 2, 3]
    large = outline(500)  # 6,000 seats
    everything = {"left": -9, "top": -9, "right": 9999, "bottom": 9999}
    assert pure(WANTED, {"outline": large, "view": everything, "px": 1}) == []
    assert pure(WANTED, {"outline": large, "view": FIRST, "px": 1}) == [0]
    assert len(pure(WANTED, {"outline": large, "view": everything, "px": 12})) == 500


KEY = (
    "[m.sectionBeforeKey(hall, arg.seat, arg.key) ?? null, m.seatAfterKey(hall, arg.seat, arg.key)]"
)


@pytest.mark.parametrize(
    ("seat", "key", "missing"),
    [
        (0, "ArrowRight", None),  # within a row nothing else is needed
        (3, "ArrowRight", 1),  # at its end the section beside it
        (8, "ArrowDown", 2),
        (0, "ArrowUp", None),  # at the edge of the hall there is nothing
        (5, "PageDown", 1),
        (5, "PageUp", 3),
    ],
)
def test_a_key_names_the_section_that_it_needs(pure: Pure, seat: int, key: str, missing):
    found = in_hall(pure, KEY, loaded=(0,), arg={"seat": seat, "key": key})
    assert found[0] == missing


def test_with_all_loaded_keys_lead_over_the_edges_of_sections(pure: Pure):
    everything = (0, 1, 2, 3)
    for seat, key, after in ((3, "ArrowRight", 12), (8, "ArrowDown", 24), (5, "PageUp", 36)):
        found = in_hall(pure, KEY, loaded=everything, arg={"seat": seat, "key": key})
        assert found == [None, after]


def test_what_is_free_is_counted_before_a_seat_is_known(pure: Pure):
    statuses = "A" * 12 + "T" * 12 + "AR" * 12
    script = "[m.freeBySection(hall, arg), [...m.freeByGrade(hall, m.freeBySection(hall, arg))]]"
    assert in_hall(pure, script, arg=statuses) == [[12, 0, 6, 6], [["R", 24]]]


def test_seats_that_went_are_searched_in_the_nearest_section_that_is_not_loaded(pure: Pure):
    loss = {"gone": [0], "kept": [1], "offer": None}
    script = "m.unreadAlternatives(hall, arg.free, arg.loss)"
    found = in_hall(pure, script, loaded=(0,), arg={"free": [0, 1, 5, 5], "loss": loss})
    assert found == [2, 3]  # the second has one free seat, where two are wanted


@pytest.mark.parametrize(
    ("code", "spelling"),
    [
        ("A", "A"),
        ("1F-B_~.", "1F-B_~."),
        ("가", "%EA%B0%80"),
        ("A &?'()!*", "A%20%26%3F%27%28%29%21%2A"),
    ],
)
def test_a_code_has_the_one_spelling_that_the_gateway_keeps(pure: Pure, code: str, spelling: str):
    assert pure("(m, code) => m.encoded(code)", code) == spelling


def test_the_address_of_seats_to_choose_again_is_read_with_care(pure: Pure):
    named = "(m, hash) => m.seatsNamed(hash)"
    again = "#seats=a,b&sections=%5B%22A%22%2C%22B%2C1%22%5D"
    assert pure(named, again) == {"ids": ["a", "b"], "sections": ["A", "B,1"]}
    assert pure(named, "#seats=a&sections=nonsense") == {"ids": ["a"], "sections": []}
    assert pure(named, "") == {"ids": [], "sections": []}
