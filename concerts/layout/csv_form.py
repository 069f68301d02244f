"""Layouts as CSV: a line a seat, `section,grade,price,row,seat,x,y,accessible`.

Spreadsheets write it; it has codes only, no names (an import keeps the names there are).
"""

import csv
from collections.abc import Iterator, Sequence
from typing import Any

from concerts.layout import headers
from concerts.layout.cells import (
    CellRefused,
    read_coordinate,
    read_price,
    read_text,
    read_truth,
    write_coordinate,
    write_text,
)
from concerts.layout.form import (
    MAX_PROBLEMS,
    MAX_SEATS,
    GradeForm,
    Layout,
    Problem,
    Progress,
    SeatForm,
    SectionForm,
    no_progress,
    shortened,
)
from kernel.text.spelling import fold

MAX_LINES = 2 * MAX_SEATS  # with those left empty between blocks of seats
MAX_CELLS = 30 * MAX_SEATS
_READERS = {"price": read_price, "x": read_coordinate, "y": read_coordinate}
_QUOTED = frozenset('",;\t|\r\n')  # whatever the separator of the program that opens it
_LINES_A_STEP = 5000


def parse(text: str, *, progress: Progress = no_progress) -> tuple[Layout | None, list[Problem]]:
    """Return the layout and what is wrong with the form; no layout when it can't be read."""
    if "\n" not in text:
        text = text.replace("\r", "\n")
    text = text.rstrip(" \t\r\n,;")  # the empty lines that a spreadsheet leaves at the end
    problems = _size_problems(text)
    if problems:
        return None, problems
    separator, after = headers.separator_of(text)
    reader = csv.reader(_lines(text, after), delimiter=separator, strict=True)
    rows = _Rows(reader, first_line=1 if after else 0, lines=text.count("\n"), progress=progress)
    try:
        line, cells = next(rows, (1, []))
        columns, problems = headers.columns_of(cells, line=line)
        if problems:
            return None, problems
        return _gathered(rows, columns)
    except csv.Error:
        return None, [
            Problem(
                rows.begun,
                'not CSV: a " is not closed or has text after it; write each " in a cell twice '
                "and put the cell in quotation marks",
                'CSV 형식이 아닙니다. "가 닫히지 않았거나 뒤에 글자가 있습니다. '
                '칸 안의 "는 두 번 쓰고 칸 전체를 따옴표로 묶어 주세요',
            )
        ]


def dump(layout: Layout) -> str:
    """Return the CSV form of a layout."""
    prices = {grade.code: grade.price for grade in layout.grades}
    grades = {section.code: section.grade for section in layout.sections}
    lines = [
        ",".join(
            (
                _cell(seat.section),
                _cell(grades[seat.section]),
                str(prices[grades[seat.section]]),
                _cell(seat.row),
                _cell(seat.number),
                write_coordinate(seat.x),
                write_coordinate(seat.y),
                "1" if seat.accessible else "0",
            )
        )
        for seat in layout.seats
    ]
    return "\n".join([",".join(headers.COLUMNS), *lines, ""])


class _Rows:
    """The lines that say something, each with its number; `begun` is where the last one began."""

    def __init__(self, reader: Any, *, first_line: int, lines: int, progress: Progress) -> None:
        self._reader = reader
        self._first_line = first_line
        self._lines = lines
        self._progress = progress
        self.begun = 1 + first_line

    def __iter__(self) -> "_Rows":
        return self

    def __next__(self) -> tuple[int, list[str]]:
        while True:
            self.begun = self._reader.line_num + 1 + self._first_line
            cells = [cell.strip() for cell in next(self._reader)]
            if self.begun % _LINES_A_STEP == 0:
                self._progress("reading", self.begun, self._lines)
            if any(cells):
                return self.begun, cells


class _Gathered:
    """Grades and sections as the lines name them, in order of first appearance."""

    def __init__(self) -> None:
        self.grades: dict[str, GradeForm] = {}
        self.sections: dict[tuple[str, str], SectionForm] = {}
        self.seats: list[SeatForm] = []
        self.problems: list[Problem] = []

    def add(self, values: dict[str, Any], line: int, column: str) -> None:
        section, grade, price = values["section"], values["grade"], values["price"]
        key = fold(grade)
        known = self.grades.get(key)
        if known is None:
            self.grades[key] = GradeForm(grade, "", "", price, line)
        elif known.price != price:
            self.problems.append(
                Problem(
                    line,
                    f"grade '{known.code}' has two prices, {known.price} and {price} "
                    f"(first in line {known.line}): a grade has one",
                    f"등급 '{known.code}'의 가격이 둘({known.price}, {price})입니다"
                    f"(처음: {known.line}행). 등급마다 가격은 하나입니다",
                    column=column,
                )
            )
        place = (fold(section), key)
        if place not in self.sections:
            self.sections[place] = SectionForm(section, "", "", grade, line=line)
        self.seats.append(
            SeatForm(
                section,
                values["row"],
                values["seat"],
                values["x"],
                values["y"],
                values["accessible"],
                line,
            )
        )


def _gathered(rows: _Rows, columns: headers.Columns) -> tuple[Layout, list[Problem]]:
    gathered = _Gathered()
    price = columns.label("price")
    for line, cells in rows:
        values, problems = _values(cells, columns, line)
        gathered.problems += problems
        if not problems:
            gathered.add(values, line, price)
        if len(gathered.problems) >= MAX_PROBLEMS or len(gathered.seats) > MAX_SEATS:
            break
    layout = Layout(
        tuple(gathered.grades.values()),
        tuple(gathered.sections.values()),
        tuple(gathered.seats),
        has_shapes=False,
    )
    return layout, gathered.problems[:MAX_PROBLEMS]


def _values(
    cells: Sequence[str], columns: headers.Columns, line: int
) -> tuple[dict[str, Any], list[Problem]]:
    values: dict[str, Any] = {"accessible": False}
    problems = []
    for name, at in columns.places.items():
        cell = cells[at] if at < len(cells) else ""
        read = read_truth if name == "accessible" else _READERS.get(name, read_text)
        try:
            values[name] = read(cell)
        except CellRefused as refused:
            problems.append(Problem(line, refused.en, refused.ko, column=columns.label(name)))
    for at, cell in enumerate(cells):
        if cell and at not in columns.known:
            said = shortened(cell)
            problems.append(
                Problem(
                    line,
                    f"'{said}' stands in a column without a name: name it or empty it",
                    f"'{said}'의 열에 이름이 없습니다. 첫 줄에 이름을 쓰거나 칸을 비워 주세요",
                    column=headers.letter(at),
                )
            )
            break
    return values, problems


def _size_problems(text: str) -> list[Problem]:
    """Count what would cost memory and time, before anything is made of it."""
    lines, cells = text.count("\n"), sum(map(text.count, headers.SEPARATORS))
    for count, limit, en, ko in (
        (lines, MAX_LINES, "lines", "줄"),
        (cells, MAX_CELLS, "cells", "칸"),
    ):
        if count > limit:
            return [
                Problem(
                    None,
                    f"{count:,} {en} are more than {limit:,}: "
                    f"a layout has {MAX_SEATS:,} seats at most",
                    f"{ko} 수 {count:,}이(가) {limit:,}을(를) 넘습니다. "
                    f"좌석은 최대 {MAX_SEATS:,}개입니다",
                )
            ]
    return []


def _lines(text: str, at: int) -> Iterator[str]:
    """Yield the lines from a place on, one at a time: a copy of all of them would be large."""
    while at < len(text):
        end = text.find("\n", at) + 1 or len(text)
        yield text[at:end]
        at = end


def _cell(value: str) -> str:
    cell = write_text(value)
    if _QUOTED.isdisjoint(cell):
        return cell
    doubled = cell.replace('"', '""')
    return f'"{doubled}"'
