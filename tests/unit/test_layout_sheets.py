"""Layout files as Korean offices make them are read; others say where they fail and what to do."""

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from concerts.layout import cells, csv_form, files, json_form
from concerts.layout.form import (
    MAX_COORDINATE,
    GradeForm,
    Layout,
    Problem,
    SeatForm,
    SectionForm,
    grouped,
)
from concerts.layout.rules import problems_of, warnings_of
from kernel.text.spelling import canonical, fold, is_code

HEADER = "section,grade,price,row,seat,x,y,accessible"
KOREAN = "구역,등급,가격,열,좌석번호,x,y,휠체어석"
LINES = ("가구역,R석,99000,나열,1,0,0,1", "가구역,R석,99000,나열,2,1,0,0")
PLAIN = "\r\n".join([HEADER, *LINES, ""])
PYTHONS_WORDS = re.compile(
    r"literal|codec|Expecting|delimiter|Traceback|Error|NoneType|is not of type|char \d", re.ASCII
)


def read(content: bytes | str, name: str = "hall.csv") -> tuple[Layout | None, list[Problem]]:
    return files.read(
        name=name, content=content if isinstance(content, bytes) else content.encode()
    )


def layout_of(content: bytes | str, name: str = "hall.csv") -> Layout:
    layout, problems = read(content, name)
    assert problems == []
    assert layout is not None
    return layout


def one_problem(content: bytes | str, name: str = "hall.csv") -> Problem:
    _, problems = read(content, name)
    assert len(problems) == 1, problems
    return problems[0]


EXPECTED = layout_of(PLAIN)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("cp949"),
        b"\xff\xfe" + PLAIN.encode("utf-16-le"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),
        ("sep=;\r\n" + PLAIN.replace(",", ";")).encode("cp949"),
        ("sep=|\n" + PLAIN.replace(",", "|")).encode(),
        PLAIN.replace("\r\n", "\n").encode(),
        PLAIN.replace("\r\n", "\r").encode(),
        PLAIN.replace(HEADER, KOREAN).encode("cp949"),
        PLAIN.replace(
            HEADER, " 구역 , 좌석 등급,가격(원),열,좌석_번호,X 좌표,Y좌표,장애인석"
        ).encode(),
        PLAIN.replace("\r\n", ",,\r\n").encode(),
        "\r\n".join(f",{line}" for line in [HEADER, *LINES]).encode(),
        (PLAIN + ",,,,,,,\r\n" * 3 + " ; \r\n\r\n").encode(),
        ("\r\n\r\n" + PLAIN).encode(),
        PLAIN.replace("99000", '"99,000"').encode(),
        unicodedata.normalize("NFD", PLAIN).encode(),
        PLAIN.replace("가구역", " 가\u200b구역\u00a0").encode(),
    ],
)
def test_what_an_office_saves_is_one_layout(content):
    assert layout_of(content) == EXPECTED


def test_broken_utf8_is_not_taken_for_another_alphabet():
    problem = one_problem(PLAIN.encode().replace("나".encode(), b"\xeb\x82", 1))
    assert (problem.line, problem.column) == (2, "14")
    assert "UTF-8" in problem.en


@pytest.mark.parametrize(
    ("cell", "column"),
    [
        ("가구역,R석,99_000,나열,3,2,0,0", "price (C)"),
        ("가구역,R석,９９０００,나열,3,2,0,0", "price (C)"),
        ("가구역,R석,99000.0,나열,3,2,0,0", "price (C)"),
        ('가구역,R석,"9,90,00",나열,3,2,0,0', "price (C)"),
        ("가구역,R석,1e5,나열,3,2,0,0", "price (C)"),
        ("가구역,R석,,나열,3,2,0,0", "price (C)"),
        ("가구역,R석," + "9" * 5000 + ",나열,3,2,0,0", "price (C)"),
        ("가구역,R석,99000,나열,3,inf,0,0", "x (F)"),
        ("가구역,R석,99000,나열,3,２,0,0", "x (F)"),
        ('가구역,R석,99000,나열,3,0,"1,5",0', "y (G)"),
        ("가구역,R석,99000,나열,3,2,0,maybe", "accessible (H)"),
        ("가구역,R석,99000,나열,3,2,0,0,note", "I"),
        ("가구역,R석,99000,나열,=A1+2,2,0,0", "seat (E)"),
        ("가구역,R석,99000,@A1,3,2,0,0", "row (D)"),
        ("=1+1,R석,99000,나열,3,2,0,0", "section (A)"),
        ("＝1+1,R석,99000,나열,3,2,0,0", "section (A)"),
        ("\u200b=1+1,R석,99000,나열,3,2,0,0", "section (A)"),
        ("가구역,+cmd|x,99000,나열,3,2,0,0", "grade (B)"),
        ("가구역,R석,99000,나열,2,2,0,0", "seat"),
    ],
)
def test_a_cell_that_can_not_be_read_names_line_column_and_cure(cell, column):
    problem = one_problem(PLAIN + cell + "\r\n")
    assert (problem.line, problem.column) == (4, column)
    for said in (problem.en, problem.ko):
        assert not PYTHONS_WORDS.search(said), said
        assert len(said) < 200
    assert re.search("[가-힣]", problem.ko)
    assert not re.search("[가-힣]", problem.en.replace("나열", "").replace("가구역", ""))


@pytest.mark.parametrize("written", ["１", "①", "1\u200b", "\u00a01"])
def test_a_second_line_of_one_chair_names_both_lines(written):
    problem = one_problem(PLAIN + f"가구역,R석,99000,나열,{written},5,0,0\r\n")
    assert problem.line == 4
    assert "line 2" in problem.en
    assert "2행" in problem.ko


def test_case_is_spelled_as_it_stands_first():
    layout = layout_of(f"{HEADER}\na,vip,1,b,1,0,0,0\nA,VIP,1,B,2,1,0,0\n")
    assert [(seat.section, seat.row) for seat in layout.seats] == [("a", "b")] * 2
    assert [section.grade for section in layout.sections] == ["vip"]
    assert [grade.code for grade in layout.grades] == ["vip"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('"', 1),
        (f'{HEADER}\n\nA,R,1,"1"x,1,0,0,0\n', 3),
        (f'{HEADER}\nA,R,1,1,1,0,0,0\nA,"R,1,1,1,0,0,0\nA,R,1,1,1,0,0,0\n', 3),
        (f"{HEADER}\n{'a' * 200_000},R,1,1,1,0,0,0", 2),
        (f"{HEADER}\nA,R,1,1,1\0,0,0,0\n", 2),
    ],
)
def test_what_is_no_csv_says_where_in_words_of_ours(text, line):
    problem = one_problem(text)
    assert problem.line == line
    assert not PYTHONS_WORDS.search(problem.en)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"," * 30_000_000, "columns are missing"),
        (b"a," * 15_000_000, "cells are more than"),
        ((HEADER + "\n" * 30_000_000 + "x").encode(), "lines are more than"),
    ],
)
def test_a_file_that_would_cost_much_is_counted_before_it_is_parsed(content, said, monkeypatch):
    made: list[object] = []
    reader = csv_form.csv.reader
    monkeypatch.setattr(
        csv_form.csv, "reader", lambda *args, **how: made.append(args) or reader(*args, **how)
    )
    assert said in one_problem(content).en
    assert len(made) == (said == "columns are missing")


def test_two_seats_in_one_place_are_a_warning_that_names_both():
    layout = layout_of(f"{HEADER}\nA,R,99000,1,1,5,5,0\nA,R,99000,1,2,5,5,0\n")
    [warning] = warnings_of(layout)
    assert warning.line == 3
    assert "line 2" in warning.en
    assert warnings_of(EXPECTED) == []


CODES = (
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
    | st.sampled_from(
        ["=1+2", "-1", "+2", "@SUM(A1:A9)", "'=1", "''", "'", 'a"b', "a;b", "\t=1", "-"]
    )
).map(canonical)


@st.composite
def layouts(draw) -> Layout:
    codes = CODES.filter(lambda code: is_code(code, longest=10))
    sections = draw(st.lists(codes, min_size=1, max_size=3, unique_by=fold))
    grades = draw(st.lists(codes, min_size=1, max_size=3, unique_by=fold))
    grades_of = {code: draw(st.sampled_from(grades)) for code in sections}
    prices = st.integers(0, 1_000_000)
    places = st.floats(-MAX_COORDINATE, MAX_COORDINATE).map(lambda value: value + 0.0)
    seats = [
        SeatForm(section, row, number, draw(places), draw(places), draw(st.booleans()))
        for section in sections
        for row, number in draw(
            st.lists(
                st.tuples(codes, codes),
                min_size=1,
                max_size=4,
                unique_by=lambda place: (fold(place[0]), fold(place[1])),
            )
        )
    ]
    used = dict.fromkeys(grades_of.values())
    return grouped(
        Layout(
            tuple(GradeForm(code, "", "", draw(prices)) for code in used),
            tuple(SectionForm(code, "", "", grades_of[code]) for code in sections),
            tuple(seats),
        )
    )


@given(layouts())
def test_every_layout_comes_back_from_a_sheet_that_runs_nothing(layout):
    assert problems_of(layout) == []
    text = csv_form.dump(layout)
    rows = list(csv_form.csv.reader(text.splitlines()))
    texts = {cell for row in rows[1:] for at, cell in enumerate(row) if at not in (2, 5, 6, 7)}
    assert [cell for cell in texts if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    for name in ("hall.csv", "hall.json"):
        content = files.encode(files.write(layout, name=name), name=name)
        assert layout_of(content, name) == layout


@pytest.mark.control
def test_without_the_apostrophe_a_sheet_would_run(monkeypatch):
    monkeypatch.setattr(csv_form, "write_text", lambda value: value)
    layout = Layout(
        (GradeForm("R", "", "", 1),),
        (SectionForm("=1+2", "", "", "R"),),
        (SeatForm("=1+2", "1", "1", 0, 0),),
    )
    assert csv_form.dump(layout).splitlines()[1].startswith("=1+2,")


def test_korean_is_marked_for_excel_and_plain_ascii_is_left_plain():
    assert files.encode("가,나", name="a.csv").startswith(b"\xef\xbb\xbf")
    assert files.encode("a,b", name="a.csv") == b"a,b"
    assert files.encode('{"가":1}', name="a.json") == '{"가":1}'.encode()


def test_a_plain_number_is_no_formula():
    assert cells.read_text("-1") == "-1"
    assert cells.read_text("'-1") == "-1"
    assert cells.write_text("-1") == "'-1"


DOCUMENT = {
    "format": "frontrow-layout/1",
    "grades": [{"code": "R", "name": {"ko": "R석", "en": "R"}, "price": 99000}],
    "sections": [
        {
            "code": "A",
            "grade": "r",
            "rows": [{"label": "1", "seats": [{"number": "12", "x": 0, "y": 0}]}],
        }
    ],
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"price": 99000', '"price": 99000, "price": 1'), "'price' is there twice"),
        (('"price": 99000', '"price": 99000.0'), "/grades/0/price: it is not a whole number"),
        (('"price": 99000', '"price": "99000"'), "is not a whole number"),
        (('"price": 99000', '"price": true'), "is not a whole number"),
        (('"price": 99000', '"price": 99_000'), "a comma or a closing bracket is missing"),
        (('"price": 99000', '"price": ' + "9" * 5000), "too large"),
        (('"x": 0', '"x": 1e999'), "too large"),
        (('"x": 0', '"x": NaN'), "too large, or NaN"),
        (('"x": 0', '"x": true'), "is not a number"),
        (('"x": 0', '"x": 0,'), "a name in double quotation marks is missing"),
        (('"code": "A"', '"code": "\\ud800"'), "half a character"),
        (('"code": "A"', '"code": "\\u0000"'), "half a character"),
        (('"code": "A"', '"colour": "A"'), "unknown member 'colour'"),
        (('"label": "1", ', ""), "'label' is a required property"),
        (('"number": "12"', '"number": "\\u200b"'), "must have 1 to 10 visible characters"),
    ],
)
def test_json_is_as_strict_as_the_api(change, said):
    text = json.dumps(DOCUMENT)
    assert change[0] in text
    layout, problems = read(text.replace(*change), "hall.json")
    assert any(said in problem.en for problem in problems), problems
    for problem in problems:
        assert re.search("[가-힣]", problem.ko)
        assert not PYTHONS_WORDS.search(problem.en.replace("a name in double", "")), problem.en
    assert layout is None or problems


def test_a_file_is_looked_through_once_however_many_of_its_prices_are_fractions(monkeypatch):
    made = []

    class Counted(json_form.Lines):
        def __init__(self, text):
            made.append(text)
            super().__init__(text)

    monkeypatch.setattr(json_form, "Lines", Counted)
    grades = [{"code": f"G{n}", "name": {"ko": "", "en": ""}, "price": 1.0} for n in range(50)]
    _, problems = read(json.dumps(DOCUMENT | {"grades": grades}), "hall.json")
    assert (len(problems), len(made)) == (50, 1)


def test_a_member_named_twice_is_found():
    text = json.dumps(DOCUMENT, indent=1).replace('"price": 99000', '"price": 99000,\n"price": 1')
    problem = one_problem(text, "hall.json")
    assert text.splitlines()[problem.line - 1] == '"price": 1'
    assert problem.column == "1"


def test_json_codes_that_read_alike_are_one_seat_named_by_both_lines():
    changed = json.loads(json.dumps(DOCUMENT))
    changed["sections"][0]["rows"][0]["seats"].append({"number": "１２", "x": 1, "y": 0})
    problem = one_problem(json.dumps(changed, indent=1), "hall.json")
    assert "seat A-1-12 is there twice (first in line" in problem.en


def test_long_decomposed_hangul_is_measured_as_it_reads():
    changed = json.loads(json.dumps(DOCUMENT))
    changed["sections"][0]["rows"][0]["label"] = unicodedata.normalize("NFD", "가나다라마바사")
    assert layout_of(json.dumps(changed), "hall.json").seats[0].row == "가나다라마바사"
