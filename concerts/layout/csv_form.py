"""Layouts as CSV: a line a seat, `section,grade,price,row,seat,x,y,accessible`.

Spreadsheets write it; it has codes only, no names (an import keeps the names there are).
"""

import csv
import io
from typing import Any

from concerts.layout.form import (
    MAX_PROBLEMS,
    MAX_SEATS,
    GradeForm,
    Layout,
    Problem,
    SeatForm,
    SectionForm,
)

COLUMNS = ("section", "grade", "price", "row", "seat", "x", "y", "accessible")
MAX_NAMED = 10  # unknown columns named in a problem: a file may have millions
_OPTIONAL = {"accessible"}
_TRUE = {"1", "true", "yes", "y"}
_FALSE = {"", "0", "false", "no", "n"}


def parse(text: str) -> tuple[Layout | None, list[Problem]]:
    """Return the layout and what is wrong with the form; no layout when it can't be read."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        problems = _header_problems(header)
        if problems:
            return None, problems
        return _rows(reader, header)
    except csv.Error as error:
        return None, [
            Problem(reader.line_num, f"not CSV: {error}", f"CSV 형식이 아닙니다: {error}")
        ]


def dump(layout: Layout) -> str:
    """Return the CSV form of a layout."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    prices = {grade.code: grade.price for grade in layout.grades}
    grades = {section.code: section.grade for section in layout.sections}
    writer.writerows(
        (
            seat.section,
            grades[seat.section],
            prices[grades[seat.section]],
            seat.row,
            seat.number,
            f"{seat.x:g}" if seat.x == float(f"{seat.x:g}") else repr(seat.x),
            f"{seat.y:g}" if seat.y == float(f"{seat.y:g}") else repr(seat.y),
            int(seat.accessible),
        )
        for seat in layout.seats
    )
    return out.getvalue()


def _header_problems(header: list[str]) -> list[Problem]:
    missing = [name for name in COLUMNS if name not in header and name not in _OPTIONAL]
    unknown = [name for name in header if name not in COLUMNS]
    problems = []
    if missing:
        names = ", ".join(missing)
        problems.append(Problem(1, f"columns are missing: {names}", f"열이 없습니다: {names}"))
    if unknown:
        names = ", ".join(map(repr, unknown[:MAX_NAMED]))
        problems.append(Problem(1, f"unknown columns: {names}", f"알 수 없는 열: {names}"))
    if len(set(header)) != len(header):
        problems.append(Problem(1, "a column is there twice", "중복된 열이 있습니다"))
    return problems


class _Gathered:
    """Grades and sections as the lines name them, in order of first appearance."""

    def __init__(self) -> None:
        self.grades: dict[str, GradeForm] = {}
        self.sections: dict[tuple[str, str], SectionForm] = {}
        self.seats: list[SeatForm] = []
        self.problems: list[Problem] = []

    def add(self, values: dict[str, str], line: int) -> None:
        try:
            price = int(values["price"])
            x, y = float(values["x"]), float(values["y"])
            accessible = _truth(values.get("accessible", ""))
        except ValueError as error:
            self.problems.append(
                Problem(line, f"not a value: {error}", f"값을 읽을 수 없습니다: {error}")
            )
            return
        section, grade = values["section"], values["grade"]
        known = self.grades.setdefault(grade, GradeForm(grade, "", "", price, line))
        if known.price != price:
            self.problems.append(
                Problem(
                    line,
                    f"grade {grade!r} has two prices, {known.price} and {price}",
                    f"등급 {grade!r}의 가격이 둘({known.price}, {price})입니다",
                )
            )
        self.sections.setdefault((section, grade), SectionForm(section, "", "", grade, line=line))
        self.seats.append(SeatForm(section, values["row"], values["seat"], x, y, accessible, line))


def _rows(reader: Any, header: list[str]) -> tuple[Layout, list[Problem]]:
    gathered = _Gathered()
    for cells in reader:
        if not any(cells):
            continue
        if len(cells) != len(header):
            en = f"{len(cells)} values, expected {len(header)}"
            ko = f"값이 {len(cells)}개입니다({len(header)}개여야 함)"
            gathered.problems.append(Problem(reader.line_num, en, ko))
        else:
            values = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            gathered.add(values, reader.line_num)
        if len(gathered.problems) >= MAX_PROBLEMS or len(gathered.seats) > MAX_SEATS:
            break
    layout = Layout(
        tuple(gathered.grades.values()),
        tuple(gathered.sections.values()),
        tuple(gathered.seats),
    )
    return layout, gathered.problems


def _truth(word: str) -> bool:
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    raise ValueError(f"accessible: {word!r}")
