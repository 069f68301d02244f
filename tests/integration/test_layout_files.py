"""Layout files: both forms, what they refuse, what an import changes and how fast."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from concerts import queries
from concerts.errors import LayoutFrozen, LayoutInvalid, PerformanceNotFound
from concerts.layout import files
from concerts.layout.form import MAX_SEATS, Layout
from concerts.models import Performance, PriceGrade, Seat, Section
from concerts.usecases import layouts
from kernel import clock
from kernel.ids import uuid7
from tests.support import factories

HEADER = "section,grade,price,row,seat,x,y,accessible\n"
CSV = HEADER + "A,VIP,165000,1,1,0,0,1\nA,VIP,165000,1,2,1,0,0\nB,R,99000,1,1,0,5,0\n"


@pytest.fixture
def performance(db_ready) -> Performance:
    return Performance.objects.create(
        concert=factories.make_concert(published=False), starts_at=clock.now()
    )


def parsed(text: str, name: str = "hall.csv") -> Layout:
    layout, problems = files.read(name=name, content=text.encode())
    assert layout is not None
    assert problems == []
    return layout


def complaints(text: str, name: str = "hall.csv") -> list[tuple[int | None, str]]:
    _, problems = files.read(name=name, content=text.encode())
    return [(problem.line, problem.en) for problem in problems]


def put(performance: Performance, layout: Layout, **how):
    return layouts.import_layout(
        performance_id=performance.pk, layout=layout, actor_id=None, reason="test", now=clock.now()
    )


def document() -> dict:
    return json.loads(files.write(parsed(CSV), name="x.json"))


def broken(change) -> list[tuple[int | None, str]]:
    changed = document()
    change(changed)
    return complaints(json.dumps(changed, indent=1), "hall.json")


@pytest.mark.parametrize("depth", [100, 400, 480, 600, 800, 950, 2000, 100_000])
def test_a_file_nested_deeply_is_refused_at_any_depth(depth):
    text = '{"format": "frontrow-layout/1", "grades": ' + "[" * depth + "]" * depth + "}"
    assert complaints(text, "hall.json")


@pytest.mark.parametrize("many", ["[],", "{},", "0,", '"",', "\n"])
def test_a_file_that_would_grow_in_memory_is_refused_before_it_is_parsed(many):
    bomb = '{"grades": [' + many * 2_000_000 + "0]}"
    ((line, message),) = complaints(bomb, "hall.json")
    assert (line, message) == (None, "it holds more values than 100,000 seats have")


def test_the_largest_hall_in_the_wordiest_form_is_no_bomb():
    seat = {"number": "1", "x": 0.5, "y": 0.5, "accessible": False}
    rows = [{"label": str(at), "seats": [seat]} for at in range(MAX_SEATS)]
    changed = document() | {"sections": [{"code": "A", "grade": "VIP", "rows": rows}]}
    changed["grades"] = changed["grades"][:1]
    layout, problems = files.read(name="x.json", content=json.dumps(changed).encode())
    assert problems == []
    assert len(layout.seats) == MAX_SEATS


def test_a_header_of_a_million_columns_is_refused_in_a_few_words():
    [(line, message)] = complaints("a," * 1_000_000 + "b\n", "hall.csv")
    assert (line, message[:17]) == (1, "1,000,001 columns")
    found = complaints(",".join(f"a{n}" for n in range(900)), "hall.csv")
    assert [len(message) < 200 for _, message in found] == [True, True]


def test_an_import_makes_grades_sections_and_seats(performance):
    put(performance, parsed(CSV))
    performance.refresh_from_db()
    assert performance.layout_version == 1
    assert list(PriceGrade.objects.order_by("position").values_list("code", "price")) == [
        ("VIP", 165_000),
        ("R", 99_000),
    ]
    assert list(Section.objects.order_by("position").values_list("code", "grade__code")) == [
        ("A", "VIP"),
        ("B", "R"),
    ]
    seats = Seat.objects.order_by("index").values_list("section__code", "number", "accessible")
    assert list(seats) == [("A", "1", True), ("A", "2", False), ("B", "1", False)]


@pytest.mark.parametrize("name", ["out.json", "out.csv"])
def test_what_is_exported_imports_as_no_change(performance, name):
    put(performance, parsed(CSV))
    text = files.write(queries.layout_of(performance.pk), name=name)
    change = put(performance, parsed(text, name))
    assert not change.changed
    performance.refresh_from_db()
    assert performance.layout_version == 1


def test_a_second_layout_replaces_the_first_and_keeps_keys_by_code(performance):
    put(performance, parsed(CSV))
    kept = Section.objects.get(code="A").pk
    change = put(performance, parsed(HEADER + "A,VIP,170000,1,1,0,0,0\nC,S,50000,1,1,0,0,0\n"))
    assert (change.seats, change.seats_added, change.seats_removed) == (2, 1, 2)
    assert (change.removed_sections, change.removed_grades) == (("B",), ("R",))
    assert change.grades[0].price_before == 165_000
    assert set(Section.objects.values_list("code", flat=True)) == {"A", "C"}
    assert set(PriceGrade.objects.values_list("code", flat=True)) == {"VIP", "S"}
    assert Section.objects.get(code="A").pk == kept
    performance.refresh_from_db()
    assert performance.layout_version == 2


def test_names_survive_a_csv_that_has_none(performance):
    put(performance, parsed(CSV))
    Section.objects.filter(code="A").update(name_ko="1층 A구역", name_en="Floor A")
    put(performance, parsed(CSV + "B,R,99000,1,2,1,5,0\n"))
    section = Section.objects.get(code="A")
    assert (section.name_ko, section.name_en) == ("1층 A구역", "Floor A")


def test_a_preview_counts_and_writes_nothing(performance):
    change = layouts.preview(performance_id=performance.pk, layout=parsed(CSV))
    assert (change.seats, change.seats_before, change.changed) == (3, 0, True)
    assert not Seat.objects.exists()


def test_lines_in_any_order_become_whole_rows(performance):
    lines = CSV.splitlines(keepends=True)
    layout = parsed("".join([lines[0], lines[1], lines[3], lines[2]]))
    assert [(s.section, s.number) for s in layout.seats] == [("A", "1"), ("A", "2"), ("B", "1")]


def test_a_layout_on_sale_stays_as_it_is(db_ready):
    performance = factories.make_performance(seats=3)
    with pytest.raises(LayoutFrozen):
        put(performance, parsed(CSV))
    with pytest.raises(LayoutFrozen):
        layouts.preview(performance_id=performance.pk, layout=parsed(CSV))
    grade = PriceGrade.objects.get()
    with pytest.raises(LayoutFrozen):
        layouts.set_price(grade_id=grade.pk, price=1, actor_id=None, reason="", now=clock.now())
    assert Seat.objects.count() == 3
    assert PriceGrade.objects.get().price == grade.price


def test_an_unknown_performance_is_said_so(db_ready):
    with pytest.raises(PerformanceNotFound):
        layouts.preview(performance_id=uuid7(), layout=parsed(CSV))


def test_the_use_case_checks_what_no_file_reader_checked(performance):
    layout = parsed(CSV)
    with pytest.raises(LayoutInvalid):
        put(performance, Layout(layout.grades, layout.sections, ()))


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEADER, None, "there is no seat"),
        ("", 1, "columns are missing"),
        ("section,grade\n", 1, "columns are missing: price, row, seat, x, y"),
        (HEADER.replace("accessible", "colour"), 1, "unknown columns: 'colour'"),
        (CSV + "A,VIP,165000,1,2,1,0,0\n", 5, "seat A-1-2 is there twice (first in line 3)"),
        (CSV + "A,R,99000,2,1,1,1,0\n", 5, "section 'A' has two grades, 'VIP' and 'R'"),
        (CSV + "B,R,1,1,9,1,5,0\n", 5, "grade 'R' has two prices, 99000 and 1"),
        (CSV + "B,R,99000,1,9,1\n", 5, "'' is no number"),
        (CSV + "B,R,ten,1,9,1,5,0\n", 5, "'ten' is no price"),
        (CSV + "B,R,99000,1,9,nan,5,0\n", 5, "'nan' is no number"),
        (CSV + "B,R,99000,1,9,1e9,5,0\n", 5, "is not a place"),
        (CSV + "B,R,99000,1,9,1,5,perhaps\n", 5, "'perhaps' says neither yes nor no"),
        (CSV + "B,R,99000,,9,1,5,0\n", 5, "row '' must have 1 to 10"),
        (CSV + "D,X,-1,1,9,1,5,0\n", 5, "'-1' is no price"),
        (CSV + "D,X,100000001,1,9,1,5,0\n", 5, "price 100000001 is not between"),
        (CSV + f"{'D' * 21},X,1,1,9,1,5,0\n", 5, "must have 1 to 20"),
        (CSV + 'B,R,99000,"1\n', 5, "not CSV"),
    ],
)
def test_a_csv_is_refused_with_its_line(text, line, said):
    found = complaints(text)
    assert any(at == line and said in message for at, message in found), found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("format"), "'format' is a required property"),
        (lambda d: d.update(format="frontrow-layout/9"), "/format"),
        (lambda d: d.update(colour="red"), "colour"),
        (lambda d: d["sections"][0]["rows"][0]["seats"][1].pop("x"), "'x' is a required"),
        (lambda d: d["sections"][0]["rows"][0]["seats"][1].update(number="1"), "A-1-1 is there"),
        (lambda d: d["sections"][1].update(grade="S"), "unknown grade 'S'"),
        (lambda d: d["sections"][1].update(code="A"), "two grades"),
        (lambda d: d["grades"][0].update(price=1.5), "/grades/0/price"),
        (lambda d: d["grades"].append(d["grades"][0]), "grade 'VIP' is there twice"),
        (lambda d: d["sections"][0].update(rows=[]), "/sections/0/rows"),
    ],
)
def test_a_json_is_refused_with_its_line(change, said):
    found = broken(change)
    assert found
    assert any(said in message for _, message in found), found
    assert all(line is None or line >= 1 for line, _ in found)


def test_the_line_of_a_json_value_is_the_one_it_begins_in():
    changed = document()
    changed["sections"][1]["rows"][0]["seats"][0]["x"] = "left"
    text = json.dumps(changed, indent=2)
    [(line, _)] = complaints(text, "hall.json")
    assert text.splitlines()[line - 1].strip() == '"x": "left",'


@pytest.mark.parametrize("text", ["{", "[1,", "NaN", '{"format": NaN}', "[" * 100_000, '"\ud800"'])
def test_what_is_no_json_is_said_so(text):
    content = text.encode("utf-8", "surrogatepass")
    layout, problems = files.read(name="hall.json", content=content)
    assert layout is None
    assert problems


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("hall.xlsx", b"", "must end in .json or .csv"),
        ("hall.csv", b"\xff\xff", "not UTF-8"),
        ("hall.json", '{"가": 1}'.encode("cp949"), "not UTF-8"),
        ("hall.csv", b" " * (32 * 1024 * 1024 + 1), "larger than 32 MiB"),
    ],
)
def test_what_is_no_layout_file_is_refused(name, content, said):
    layout, [problem] = files.read(name=name, content=content)
    assert layout is None
    assert said in problem.en


def test_too_many_seats_are_refused():
    seats = "".join(f"A,R,1,{n // 1000},{n % 1000},{n},0,0\n" for n in range(100_001))
    assert (None, "100,001 seats are more than 100,000") in complaints(HEADER + seats)


@pytest.mark.parametrize("name", ["hall.csv", "hall.json"])
def test_fifty_thousand_seats_are_imported_in_few_statements(performance, name):
    lines = (
        f"S{n // 500},R,99000,{n % 500 // 25},{n % 25},{n % 25},{n // 25},0\n"
        for n in range(50_000)
    )
    text = files.write(parsed(HEADER + "".join(lines)), name=name)
    with CaptureQueriesContext(connection) as asked:
        change = put(performance, parsed(text, name))
    assert change.seats == Seat.objects.count() == 50_000
    assert len(asked) < 40  # about 6 s on an idle machine
