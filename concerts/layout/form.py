"""A seat layout as plain values, whichever form of file it came in, and its rules."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from kernel.i18n import is_korean

FORMAT = "frontrow-layout/1"
MAX_BYTES = 32 * 1024 * 1024
MAX_SEATS = 100_000
MAX_SECTIONS = 500
MAX_GRADES = 50
MAX_PRICE = 100_000_000  # minor units
MAX_COORDINATE = 1_000_000.0
MAX_PROBLEMS = 50
CODE_LENGTH = 20
NAME_LENGTH = 100
PLACE_LENGTH = 10  # of a row's label and a seat's number


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file, and in which line (from 1; None: the file as a whole)."""

    line: int | None
    en: str
    ko: str

    def __str__(self) -> str:
        message = self.ko if is_korean() else self.en
        if self.line is None:
            return message
        return f"{self.line}행: {message}" if is_korean() else f"line {self.line}: {message}"

    def as_json(self) -> dict[str, object]:
        """Return `{"line", "message"}` in English, for programs."""
        return {"line": self.line, "message": self.en}


@dataclass(frozen=True, slots=True)
class GradeForm:
    """A price grade; `price` in minor units."""

    code: str
    name_ko: str
    name_en: str
    price: int
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SectionForm:
    """A section and the code of its one grade."""

    code: str
    name_ko: str
    name_en: str
    grade: str
    focal_x: float | None = None
    focal_y: float | None = None
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class SeatForm:
    """A seat; its place in the file is its index."""

    section: str
    row: str
    number: str
    x: float
    y: float
    accessible: bool = False
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it, in the order of the file."""

    grades: tuple[GradeForm, ...]
    sections: tuple[SectionForm, ...]
    seats: tuple[SeatForm, ...]


def grouped(layout: Layout) -> Layout:
    """Return the layout with each section's seats together, row by row, else in the file's order.

    A spreadsheet may be sorted in any way; seat maps and availability count on whole rows.
    """
    rows: dict[tuple[str, str], int] = {}
    for seat in layout.seats:
        rows.setdefault((seat.section, seat.row), len(rows))
    sections = {section.code: at for at, section in enumerate(layout.sections)}
    seats = sorted(
        layout.seats, key=lambda s: (sections.get(s.section, -1), rows[s.section, s.row])
    )
    return replace(layout, seats=tuple(seats))


def problems_of(layout: Layout) -> list[Problem]:
    """Return what is wrong with a layout, at most `MAX_PROBLEMS` of it; nothing when it is fine."""
    found: list[Problem] = []
    for problem in _all_problems(layout):
        found.append(problem)
        if len(found) == MAX_PROBLEMS:
            break
    return found


def _all_problems(layout: Layout) -> Iterator[Problem]:
    yield from _size_problems(layout)
    yield from _grade_problems(layout)
    yield from _section_problems(layout)
    yield from _seat_problems(layout)


def _size_problems(layout: Layout) -> Iterator[Problem]:
    if not layout.seats:
        yield Problem(None, "there is no seat in it", "좌석이 하나도 없습니다")
    for count, limit, en, ko in (
        (len(layout.seats), MAX_SEATS, "seats", "좌석"),
        (len(layout.sections), MAX_SECTIONS, "sections", "구역"),
        (len(layout.grades), MAX_GRADES, "grades", "등급"),
    ):
        if count > limit:
            yield Problem(
                None,
                f"{count:,} {en} are more than {limit:,}",
                f"{ko} {count:,}개는 최대 {limit:,}개를 넘습니다",
            )


def _grade_problems(layout: Layout) -> Iterator[Problem]:
    seen: dict[str, GradeForm] = {}
    for grade in layout.grades:
        if grade.code in seen:
            yield Problem(
                grade.line,
                f"grade {grade.code!r} is there twice",
                f"등급 {grade.code!r}이(가) 중복됩니다",
            )
        seen.setdefault(grade.code, grade)
        yield from _code_problems(grade.code, grade.line, "grade", "등급")
        yield from _name_problems(grade.name_ko, grade.name_en, grade.line)
        if not 0 <= grade.price <= MAX_PRICE:
            yield Problem(
                grade.line,
                f"price {grade.price} is not between 0 and {MAX_PRICE:,}",
                f"가격 {grade.price}은(는) 0과 {MAX_PRICE:,} 사이가 아닙니다",
            )


def _section_problems(layout: Layout) -> Iterator[Problem]:
    grades = {grade.code for grade in layout.grades}
    seen: dict[str, SectionForm] = {}
    for section in layout.sections:
        first = seen.setdefault(section.code, section)
        if first is not section and first.grade != section.grade:
            yield Problem(
                section.line,
                f"section {section.code!r} has two grades, "
                f"{first.grade!r} and {section.grade!r}: split it in two sections",
                f"구역 {section.code!r}에 등급이 둘({first.grade!r}, {section.grade!r})입니다. "
                "구역을 나누어 주세요",
            )
        elif first is not section:
            yield Problem(
                section.line,
                f"section {section.code!r} is there twice",
                f"구역 {section.code!r}이(가) 중복됩니다",
            )
        yield from _code_problems(section.code, section.line, "section", "구역")
        yield from _name_problems(section.name_ko, section.name_en, section.line)
        if section.grade not in grades:
            yield Problem(
                section.line,
                f"section {section.code!r} names the unknown grade {section.grade!r}",
                f"구역 {section.code!r}의 등급 {section.grade!r}이(가) 없습니다",
            )
    filled = {seat.section for seat in layout.seats}
    for section in seen.values():
        if section.code not in filled:
            yield Problem(
                section.line,
                f"section {section.code!r} has no seats",
                f"구역 {section.code!r}에 좌석이 없습니다",
            )


def _seat_problems(layout: Layout) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str], SeatForm] = {}
    for seat in layout.seats:
        place = (seat.section, seat.row, seat.number)
        first = seen.setdefault(place, seat)
        if first is not seat:
            where = f" (first in line {first.line})" if first.line else ""
            yield Problem(
                seat.line,
                f"seat {'-'.join(place)} is there twice{where}",
                f"좌석 {'-'.join(place)}이(가) 중복됩니다",
            )
        for value, en, ko in ((seat.row, "row", "열"), (seat.number, "seat number", "좌석 번호")):
            if not _is_word(value, PLACE_LENGTH):
                yield Problem(
                    seat.line,
                    f"{en} {value!r} must have 1 to {PLACE_LENGTH} visible characters",
                    f"{ko} {value!r}은(는) 1~{PLACE_LENGTH}자여야 합니다",
                )
        if not (_is_place(seat.x) and _is_place(seat.y)):
            yield Problem(
                seat.line,
                f"({seat.x}, {seat.y}) is not a place within ±{MAX_COORDINATE:,.0f}",
                f"좌표 ({seat.x}, {seat.y})이(가) 범위를 벗어났습니다",
            )


def _code_problems(code: str, line: int | None, en: str, ko: str) -> Iterator[Problem]:
    if not _is_word(code, CODE_LENGTH):
        yield Problem(
            line,
            f"{en} code {code!r} must have 1 to {CODE_LENGTH} visible characters",
            f"{ko} 코드 {code!r}은(는) 1~{CODE_LENGTH}자여야 합니다",
        )


def _name_problems(name_ko: str, name_en: str, line: int | None) -> Iterator[Problem]:
    for name in (name_ko, name_en):
        if len(name) > NAME_LENGTH or (name and not name.isprintable()):
            yield Problem(
                line,
                f"a name may have at most {NAME_LENGTH} printable characters",
                f"이름은 {NAME_LENGTH}자 이내여야 합니다",
            )


def _is_word(value: str, length: int) -> bool:
    return 0 < len(value) <= length and value.isprintable() and value == value.strip()


def _is_place(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= MAX_COORDINATE
