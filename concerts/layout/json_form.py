"""Layouts as JSON, by schema.json beside this file."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from concerts.layout.form import (
    FORMAT,
    MAX_PROBLEMS,
    MAX_SEATS,
    GradeForm,
    Layout,
    Problem,
    SeatForm,
    SectionForm,
    problems_of,
)
from concerts.layout.json_lines import Lines, NoLines

SCHEMA = Path(__file__).with_name("schema.json")
# A seat has four values and, alone in its row, five more. Text that small can become objects and
# line numbers a hundred times its size, so the counting comes first.
MAX_VALUES = 10 * MAX_SEATS


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text()))


def parse(text: str) -> tuple[Layout | None, list[Problem]]:
    """Return the layout and what is wrong with the form; no layout when it breaks the schema."""
    if _count_values(text) > MAX_VALUES:
        return None, [
            Problem(
                None,
                f"it holds more values than {MAX_SEATS:,} seats have",
                f"좌석 {MAX_SEATS:,}개보다 많은 값이 들어 있습니다",
            )
        ]
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        told = f"{error.msg} (column {error.colno})"
        return None, [Problem(error.lineno, f"not JSON: {told}", f"JSON 형식이 아닙니다: {told}")]
    except (ValueError, RecursionError) as error:
        return None, [Problem(None, f"not JSON: {error}", f"JSON 형식이 아닙니다: {error}")]
    try:
        return _judged(document, text)
    except RecursionError:
        return None, [Problem(None, "it is nested too deeply", "중첩이 너무 깊습니다")]


def _judged(document: Any, text: str) -> tuple[Layout | None, list[Problem]]:
    errors = list(islice(_validator().iter_errors(document), MAX_PROBLEMS))
    if errors:
        lines = Lines(text)
        return None, [_problem(lines, error.absolute_path, error.message) for error in errors]
    layout = _layout(document, NoLines())
    # Finding lines costs more than reading; it is done for files that need explaining.
    return (_layout(document, Lines(text)) if problems_of(layout) else layout), []


def dump(layout: Layout) -> str:
    """Return the JSON form of a layout, a line a seat."""
    grades = [
        {"code": g.code, "name": {"ko": g.name_ko, "en": g.name_en}, "price": g.price}
        for g in layout.grades
    ]
    parts = [json.dumps(FORMAT), _lines(grades, "    ")]
    seats = {
        code: list(group) for code, group in groupby(layout.seats, key=lambda seat: seat.section)
    }
    sections = [_section_text(section, seats[section.code]) for section in layout.sections]
    parts.append("[\n" + ",\n".join(sections) + "\n  ]")
    return '{{\n  "format": {},\n  "grades": {},\n  "sections": {}\n}}\n'.format(*parts)


def _section_text(section: SectionForm, seats: Sequence[SeatForm]) -> str:
    head: dict[str, Any] = {
        "code": section.code,
        "name": {"ko": section.name_ko, "en": section.name_en},
        "grade": section.grade,
    }
    if section.focal_x is not None and section.focal_y is not None:
        head["focal"] = {"x": section.focal_x, "y": section.focal_y}
    rows = []
    for label, group in groupby(seats, key=lambda seat: seat.row):
        members = [
            {"number": s.number, "x": s.x, "y": s.y}
            | ({"accessible": True} if s.accessible else {})
            for s in group
        ]
        text = _lines(members, " " * 10)
        rows.append(f'        {{"label": {_text(label)}, "seats": {text}}}')
    opening = _text(head)[:-1]
    return f'    {opening}, "rows": [\n' + ",\n".join(rows) + "\n    ]}"


def _lines(items: Sequence[Any], indent: str) -> str:
    return "[\n" + ",\n".join(indent + _text(item) for item in items) + f"\n{indent[:-2]}]"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _layout(document: dict[str, Any], lines: Lines | NoLines) -> Layout:
    grades = tuple(
        GradeForm(
            grade["code"],
            grade.get("name", {}).get("ko", ""),
            grade.get("name", {}).get("en", ""),
            int(grade["price"]),
            lines.of(("grades", index)),
        )
        for index, grade in enumerate(document["grades"])
    )
    sections = tuple(
        SectionForm(
            section["code"],
            section.get("name", {}).get("ko", ""),
            section.get("name", {}).get("en", ""),
            section["grade"],
            *_focal(section),
            line=lines.of(("sections", index)),
        )
        for index, section in enumerate(document["sections"])
    )
    return Layout(grades, sections, tuple(_seats(document["sections"], lines)))


def _focal(section: dict[str, Any]) -> tuple[float | None, float | None]:
    focal = section.get("focal")
    return (float(focal["x"]), float(focal["y"])) if focal else (None, None)


def _seats(sections: list[dict[str, Any]], lines: Lines | NoLines) -> Iterator[SeatForm]:
    for at, section in enumerate(sections):
        for row_at, row in enumerate(section["rows"]):
            for seat_at, seat in enumerate(row["seats"]):
                yield SeatForm(
                    section["code"],
                    row["label"],
                    seat["number"],
                    float(seat["x"]),
                    float(seat["y"]),
                    seat.get("accessible", False),
                    lines.of(("sections", at, "rows", row_at, "seats", seat_at)),
                )


def _problem(lines: Lines, path: Sequence[str | int], message: str) -> Problem:
    pointer = "".join(f"/{step}" for step in path) or "/"
    shown = message if len(message) <= 200 else message[:200] + "…"
    return Problem(lines.of(tuple(path)), f"{pointer}: {shown}", f"{pointer}: {shown}")


def _count_values(text: str) -> int:
    """Return an upper bound of the values and of the lines of a JSON text."""
    return max(text.count("\n"), sum(text.count(mark) for mark in ",[{"))


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
