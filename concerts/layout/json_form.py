"""Layouts as JSON, by schema.json beside this file."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from concerts.layout.form import (
    FORMAT,
    MAX_PROBLEMS,
    MAX_SEATS,
    GradeForm,
    Layout,
    Outline,
    Problem,
    Progress,
    SeatForm,
    SectionForm,
    no_progress,
)
from concerts.layout.json_lines import Lines, NoLines
from concerts.layout.json_said import (
    duplicate_problem,
    fraction_problem,
    schema_problem,
    syntax_problem,
)
from kernel.text import strict_json

SCHEMA = Path(__file__).with_name("schema.json")
# A seat has four values and, alone in its row, five more. Text that small can become objects and
# line numbers a hundred times its size, so the counting comes first.
MAX_VALUES = 10 * MAX_SEATS


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text()))


def parse(text: str, *, progress: Progress = no_progress) -> tuple[Layout | None, list[Problem]]:
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
        document = strict_json.loads(text)
        progress("reading", 1, 2)
        return _judged(document, text)
    except json.JSONDecodeError as error:
        return None, [syntax_problem(error)]
    except strict_json.DuplicateMember as error:
        return None, [duplicate_problem(error, text)]
    except strict_json.NumberOutOfRange:
        return None, [
            Problem(
                None,
                "a number in it is too large, or NaN or Infinity: write plain digits",
                "너무 크거나 숫자가 아닌 값(NaN, Infinity)이 있습니다. 숫자로 적어 주세요",
            )
        ]
    except strict_json.NotText:
        return None, [
            Problem(
                None,
                "a text in it holds half a character (\\ud800 to \\udfff) or \\u0000: remove it",
                "글자가 아닌 표기(\\ud800~\\udfff, \\u0000)가 있습니다. 지워 주세요",
            )
        ]
    except (RecursionError, ValueError):  # of Python's parser and of the schema's
        return None, [
            Problem(
                None,
                "it is nested too deeply: see docs/layout.md for the form",
                "중첩이 너무 깊습니다. docs/layout.md의 형식을 확인해 주세요",
            )
        ]


def _judged(document: Any, text: str) -> tuple[Layout | None, list[Problem]]:
    errors = list(islice(_validator().iter_errors(document), MAX_PROBLEMS))
    if errors:
        lines = Lines(text)
        return None, [schema_problem(error, lines) for error in errors]
    problems = _fraction_problems(document, text)
    if problems:
        return None, problems
    return _layout(document, NoLines()), []


def _fraction_problems(document: dict[str, Any], text: str) -> list[Problem]:
    """Return where a price is written 1.0, which the schema's standard takes for whole."""
    paths = [
        ("grades", index, "price")
        for index, grade in enumerate(document["grades"])
        if not isinstance(grade["price"], int)
    ]
    if not paths:
        return []
    lines = Lines(text)  # once: it looks at the whole text
    return [fraction_problem(path, lines) for path in paths]


def located(text: str) -> Layout:
    """Return the layout of a text that was parsed before, its parts with their lines.

    Finding lines costs more than reading; it is done for files that need explaining.
    """
    return _layout(strict_json.loads(text), Lines(text))


def dump(layout: Layout) -> str:
    """Return the JSON form of a layout, a line a seat."""
    grades = [
        {"code": g.code, "name": {"ko": g.name_ko, "en": g.name_en}, "price": g.price}
        for g in layout.grades
    ]
    stage = "" if layout.stage is None else f'\n  "stage": {_text(layout.stage)},'
    parts = [json.dumps(FORMAT), stage, _lines(grades, "    ")]
    seats = {
        code: list(group) for code, group in groupby(layout.seats, key=lambda seat: seat.section)
    }
    sections = [_section_text(section, seats[section.code]) for section in layout.sections]
    parts.append("[\n" + ",\n".join(sections) + "\n  ]")
    return '{{\n  "format": {},{}\n  "grades": {},\n  "sections": {}\n}}\n'.format(*parts)


def _section_text(section: SectionForm, seats: Sequence[SeatForm]) -> str:
    head: dict[str, Any] = {
        "code": section.code,
        "name": {"ko": section.name_ko, "en": section.name_en},
        "grade": section.grade,
    }
    if section.focal_x is not None and section.focal_y is not None:
        head["focal"] = {"x": section.focal_x, "y": section.focal_y}
    if section.outline is not None:
        head["outline"] = section.outline
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
            grade["price"],
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
            outline=_outline(section.get("outline")),
            line=lines.of(("sections", index)),
        )
        for index, section in enumerate(document["sections"])
    )
    seats = tuple(_seats(document["sections"], lines))
    return Layout(grades, sections, seats, _outline(document.get("stage")))


def _outline(corners: list[list[float]] | None) -> Outline | None:
    return None if corners is None else tuple((float(x), float(y)) for x, y in corners)


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


def _count_values(text: str) -> int:
    """Return an upper bound of the values and of the lines of a JSON text."""
    return max(text.count("\n"), sum(text.count(mark) for mark in ",[{"))
