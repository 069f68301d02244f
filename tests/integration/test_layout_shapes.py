"""The stage and outlines of a layout file: kept, shown, and refused where they are no shapes."""

import json
from typing import Any

import pytest

from concerts import queries
from concerts.errors import LayoutInvalid
from concerts.layout import files
from concerts.layout.form import Layout
from concerts.layout.rules import warnings_of
from concerts.models import Performance, Section
from concerts.usecases import layouts
from kernel import clock
from tests.support import catalogue, factories

STAGE = [[-2, -3], [12.5, -3], [12.5, -1], [-2, -1]]
AROUND = [[-1, -1], [3, -1], [3, 2], [-1, 2]]
SHEET = "section,grade,price,row,seat,x,y\nA,R,1000,1,1,0,0\nA,R,1000,1,2,1,0\n"


def document(**changes: Any) -> dict[str, Any]:
    rows = [{"label": "1", "seats": [{"number": str(n), "x": n, "y": 0} for n in (1, 2)]}]
    section = {"code": "A", "grade": "R", "focal": {"x": 1, "y": -3}, "rows": rows}
    return {
        "format": "frontrow-layout/1",
        "stage": STAGE,
        "grades": [{"code": "R", "price": 1000}],
        "sections": [section | {"outline": AROUND}],
    } | changes


def read(content: dict[str, Any] | str, name: str = "hall.json") -> tuple[Layout | None, list[str]]:
    text = content if isinstance(content, str) else json.dumps(content, indent=1)
    layout, problems = files.read(name=name, content=text.encode())
    return layout, [problem.en for problem in problems]


def put(performance: Performance, layout: Layout | None):
    assert layout is not None
    return layouts.import_layout(
        performance_id=performance.pk, layout=layout, actor_id=None, reason="test", now=clock.now()
    )


@pytest.fixture
def performance(db_ready) -> Performance:
    catalogue.forget_documents()
    concert = factories.make_concert(published=True)
    return Performance.objects.create(concert=concert, starts_at=clock.now())


def outline_of(api, performance: Performance) -> dict[str, Any]:
    found: dict[str, Any] = api.get(
        f"/api/v1/performances/{performance.pk}/seatmap/outline/"
    ).json()
    return found


def test_stage_and_outlines_are_kept_and_written_again(performance):
    layout, problems = read(document())
    assert problems == []
    change = put(performance, layout)
    assert (change.changed, change.shapes_before, change.shapes) == (True, 0, 2)
    kept = queries.layout_of(performance.pk)
    assert kept.stage == tuple(map(tuple, STAGE))
    again, problems = read(files.write(kept, name="hall.json"))
    assert problems == []
    assert not put(performance, again).changed


def test_the_outline_document_shows_them_within_its_bounds(api, performance):
    put(performance, read(document())[0])
    shown = outline_of(api, performance)
    assert shown["stage"] == STAGE
    assert shown["sections"][0]["outline"] == AROUND
    assert shown["bounds"] == {"min_x": -2.0, "min_y": -3.0, "max_x": 12.5, "max_y": 2.0}


def test_without_them_shapes_are_drawn_around_the_seats(api, performance):
    plain = document()
    del plain["stage"], plain["sections"][0]["outline"]
    put(performance, read(plain)[0])
    shown = outline_of(api, performance)
    assert shown["stage"] is None
    assert [0.5, -0.5] in shown["sections"][0]["outline"]


def test_an_import_without_them_removes_them_and_a_sheet_cannot_say(api, performance):
    put(performance, read(document())[0])
    put(performance, read(SHEET, "hall.csv")[0])
    section = Section.objects.get(performance=performance)
    assert (section.outline, section.focal_y) == (AROUND, -3)
    assert outline_of(api, performance)["stage"] == STAGE
    plain = document()
    del plain["stage"], plain["sections"][0]["outline"], plain["sections"][0]["focal"]
    put(performance, read(plain)[0])
    section.refresh_from_db()
    assert (section.outline, section.focal_y) == (None, None)
    assert outline_of(api, performance)["stage"] is None


TWO = [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (TWO, "has fewer members than 3"),
        ([[0, 0]] * 201, "has more members than 200"),
        ([[0, 0], [1, 1], [1]], "has fewer members than 2"),
        ([[0, 0], [1, 1], [1, 2, 3]], "has more members than 2"),
        ([[0, 0], [1, 1], ["2", 3]], "is not a number"),
        ([[0, 0], [1, 1], [1e7, 3]], "must be at most 1,000,000"),
        ([[0, 0], [1, 1], [2, 2]], "lie on one line"),
        ("A", "is not a list"),
        (None, "is not a list"),
    ],
)
def test_what_is_no_shape_is_refused_with_its_place(shape, said):
    section = document()["sections"][0] | {"outline": shape}
    for changed in (document(stage=shape), document(sections=[section])):
        _, problems = read(changed)
        assert len(problems) >= 1
        assert said in problems[0]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_corner_that_is_no_number_is_refused(number):
    text = json.dumps(document(stage=[[0, 0], [1, 0], [777, 1]])).replace("777", number)
    layout, problems = read(text)
    assert layout is None
    assert problems


def test_no_way_in_takes_a_shape_without_an_area(performance):
    layout, _ = read(document())
    assert layout is not None
    flat = Layout(layout.grades, layout.sections, layout.seats, ((0, 0), (1, 1), (float("nan"), 2)))
    with pytest.raises(LayoutInvalid):
        put(performance, flat)


def test_a_seat_outside_its_outline_is_a_warning():
    layout, problems = read(document())
    assert (problems, warnings_of(layout)) == ([], [])
    section = document()["sections"][0] | {"outline": [[0, 0], [1, 0], [1, 1]]}
    layout, problems = read(document(sections=[section]))
    assert problems == []
    assert ["outside the outline" in str(one.en) for one in warnings_of(layout)] == [True]
