"""What a layout must be, whichever form of file it came in, and what is only odd."""

import math
from collections.abc import Iterator
from itertools import chain, islice

from concerts.layout.form import (
    CODE_LENGTH,
    MAX_COORDINATE,
    MAX_CORNERS,
    MAX_GRADES,
    MAX_PRICE,
    MAX_PROBLEMS,
    MAX_SEATS,
    MAX_SECTIONS,
    MAX_WARNINGS,
    NAME_LENGTH,
    PLACE_LENGTH,
    GradeForm,
    Layout,
    Outline,
    Problem,
    SeatForm,
    SectionForm,
    quoted,
    shortened,
)
from kernel.text.spelling import fold, is_code


def problems_of(layout: Layout) -> list[Problem]:
    """Return what is wrong with a layout, at most `MAX_PROBLEMS` of it; nothing when it is fine."""
    return list(islice(_all_problems(layout), MAX_PROBLEMS))


def warnings_of(layout: Layout) -> list[Problem]:
    """Return what is odd about a layout but may be meant, at most `MAX_WARNINGS` of it."""
    odd = chain(_seats_outside(layout), _seats_in_one_place(layout))
    return list(islice(odd, MAX_WARNINGS))


def _all_problems(layout: Layout) -> Iterator[Problem]:
    yield from _size_problems(layout)
    yield from _outline_problems(layout.stage, None, "the stage", "무대", "stage")
    yield from _grade_problems(layout)
    yield from _section_problems(layout)
    yield from _seat_problems(layout)


def _size_problems(layout: Layout) -> Iterator[Problem]:
    if not layout.seats:
        yield Problem(
            None,
            "there is no seat in it: write a line for each seat",
            "좌석이 하나도 없습니다. 좌석마다 한 줄씩 입력해 주세요",
        )
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
        first = seen.setdefault(fold(grade.code), grade)
        if first is not grade:
            yield _twice("grade", "등급", grade.code, grade.line, first.line)
        yield from _word_problems(
            grade.code, CODE_LENGTH, grade.line, "grade", "grade code", "등급 코드"
        )
        yield from _name_problems(grade.name_ko, grade.name_en, grade.line)
        if not 0 <= grade.price <= MAX_PRICE:
            yield Problem(
                grade.line,
                f"price {shortened(grade.price)} is not between 0 and {MAX_PRICE:,}",
                f"가격 {shortened(grade.price)}은(는) 0과 {MAX_PRICE:,} 사이여야 합니다",
                column="price",
            )


def _section_problems(layout: Layout) -> Iterator[Problem]:
    grades = {fold(grade.code) for grade in layout.grades}
    seen: dict[str, SectionForm] = {}
    for section in layout.sections:
        first = seen.setdefault(fold(section.code), section)
        if first is not section and fold(first.grade) != fold(section.grade):
            yield Problem(
                section.line,
                f"section {quoted(section.code)} has two grades, {quoted(first.grade)} and "
                f"{quoted(section.grade)}{_there(first.line)}: split it in two sections",
                f"구역 {quoted(section.code)}에 등급이 둘({quoted(first.grade)}, "
                f"{quoted(section.grade)})입니다{_there_ko(first.line)}. 구역을 나누어 주세요",
                column="grade",
            )
        elif first is not section:
            yield _twice("section", "구역", section.code, section.line, first.line)
        yield from _word_problems(
            section.code, CODE_LENGTH, section.line, "section", "section code", "구역 코드"
        )
        yield from _name_problems(section.name_ko, section.name_en, section.line)
        if fold(section.grade) not in grades:
            yield Problem(
                section.line,
                f"section {quoted(section.code)} names the unknown grade {quoted(section.grade)}: "
                "add the grade or name one there is",
                f"구역 {quoted(section.code)}의 등급 {quoted(section.grade)}이(가) 없습니다. "
                "등급을 추가하거나 있는 등급을 적어 주세요",
                column="grade",
            )
        yield from _outline_problems(
            section.outline,
            section.line,
            f"the outline of section {quoted(section.code)}",
            f"구역 {quoted(section.code)}의 윤곽",
            "outline",
        )
    filled = {fold(seat.section) for seat in layout.seats}
    for code, section in seen.items():
        if code not in filled:
            yield Problem(
                section.line,
                f"section {quoted(section.code)} has no seats: add them or leave it out",
                f"구역 {quoted(section.code)}에 좌석이 없습니다. 좌석을 넣거나 구역을 빼 주세요",
                column="section",
            )


def _outline_problems(
    outline: Outline | None, line: int | None, en: str, ko: str, column: str
) -> Iterator[Problem]:
    """Yield what makes a shape impossible to draw: of what else it is, the eye judges."""
    if outline is None:
        return
    if not 3 <= len(outline) <= MAX_CORNERS:
        yield Problem(
            line,
            f"{en} has {len(outline)} corners: give it 3 to {MAX_CORNERS}",
            f"{ko}의 꼭짓점이 {len(outline)}개입니다. 3~{MAX_CORNERS}개로 적어 주세요",
            column=column,
        )
    wrong = next((at for at in outline if not all(map(_is_place, at))), None)
    if wrong is not None:
        yield Problem(
            line,
            f"{en} has the corner {shortened(list(wrong))}, which is not within "
            f"±{MAX_COORDINATE:,.0f}",
            f"{ko}의 꼭짓점 {shortened(list(wrong))}이(가) 범위(±{MAX_COORDINATE:,.0f})를 "
            "벗어났습니다",
            column=column,
        )
    elif len(outline) >= 3 and _area(outline) == 0:
        yield Problem(
            line,
            f"the corners of {en} lie on one line: they enclose nothing",
            f"{ko}의 꼭짓점이 한 직선 위에 있습니다. 넓이가 있는 모양으로 적어 주세요",
            column=column,
        )


def _is_place(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= MAX_COORDINATE


def _area(outline: Outline) -> float:
    """Return the area of what the corners turn around (Gauss's formula)."""
    around = zip(outline, (*outline[1:], outline[0]), strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in around)) / 2


def _seat_problems(layout: Layout) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str], SeatForm] = {}
    for seat in layout.seats:
        place = (fold(seat.section), fold(seat.row), fold(seat.number))
        first = seen.setdefault(place, seat)
        if first is not seat:
            name = f"{seat.section}-{seat.row}-{seat.number}"
            yield Problem(
                seat.line,
                f"seat {name} is there twice{_there(first.line)}: "
                "give one of them another number or leave it out",
                f"좌석 {name}이(가) 중복됩니다{_there_ko(first.line)}. "
                "한쪽의 번호를 바꾸거나 지워 주세요",
                column="seat",
            )
        yield from _word_problems(seat.row, PLACE_LENGTH, seat.line, "row", "row", "열")
        yield from _word_problems(
            seat.number, PLACE_LENGTH, seat.line, "seat", "seat number", "좌석 번호"
        )
        for column, value in (("x", seat.x), ("y", seat.y)):
            if not _is_place(value):
                yield Problem(
                    seat.line,
                    f"{value} is not a place within ±{MAX_COORDINATE:,.0f}",
                    f"좌표 {value}이(가) 범위(±{MAX_COORDINATE:,.0f})를 벗어났습니다",
                    column=column,
                )


def _seats_outside(layout: Layout) -> Iterator[Problem]:
    """Yield the first seat of each section that lies beyond the box around its outline."""
    boxes = {
        fold(section.code): tuple((min(axis), max(axis)) for axis in zip(*outline, strict=True))
        for section in layout.sections
        if (outline := section.outline)
    }
    for seat in layout.seats if boxes else ():
        code = fold(seat.section)
        if code not in boxes:
            continue
        (left, right), (top, bottom) = boxes[code]
        if left <= seat.x <= right and top <= seat.y <= bottom:
            continue
        del boxes[code]
        name = f"{seat.section}-{seat.row}-{seat.number}"
        yield Problem(
            seat.line,
            f"seat {name} at ({seat.x:g}, {seat.y:g}) is outside the outline of its section",
            f"좌석 {name}의 좌표 ({seat.x:g}, {seat.y:g})가 구역의 윤곽 밖에 있습니다",
            column="x",
        )


def _seats_in_one_place(layout: Layout) -> Iterator[Problem]:
    seen: dict[tuple[float, float], SeatForm] = {}
    for seat in layout.seats:
        first = seen.setdefault((seat.x, seat.y), seat)
        if first is not seat:
            here, there = (f"{one.section}-{one.row}-{one.number}" for one in (seat, first))
            yield Problem(
                seat.line,
                f"seat {here} is at the same x,y ({seat.x:g}, {seat.y:g}) as {there}"
                f"{_there(first.line)}: one covers the other on the seat map",
                f"좌석 {here}의 좌표 ({seat.x:g}, {seat.y:g})가 {there}"
                f"{_there_ko(first.line)}와(과) 같습니다. 배치도에서 겹쳐 보입니다",
                column="x",
            )


def _twice(en: str, ko: str, code: str, line: int | None, first: int | None) -> Problem:
    return Problem(
        line,
        f"{en} {quoted(code)} is there twice{_there(first)}: leave one of them out",
        f"{ko} {quoted(code)}이(가) 중복됩니다{_there_ko(first)}. 한쪽을 지워 주세요",
        column=en,
    )


def _there(line: int | None) -> str:
    return f" (first in line {line})" if line else ""


def _there_ko(line: int | None) -> str:
    return f"(처음: {line}행)" if line else ""


def _word_problems(
    value: str, longest: int, line: int | None, column: str, en: str, ko: str
) -> Iterator[Problem]:
    if not is_code(value, longest=longest):
        yield Problem(
            line,
            f"{en} {quoted(value)} must have 1 to {longest} visible characters",
            f"{ko} {quoted(value)}은(는) 보이는 문자 1~{longest}자여야 합니다",
            column=column,
        )


def _name_problems(name_ko: str, name_en: str, line: int | None) -> Iterator[Problem]:
    for name in (name_ko, name_en):
        if len(name) > NAME_LENGTH or (name and not name.isprintable()):
            yield Problem(
                line,
                f"the name {quoted(name)} may have at most {NAME_LENGTH} printable characters",
                f"이름 {quoted(name)}은(는) 인쇄 가능한 문자 {NAME_LENGTH}자 이내여야 합니다",
                column="name",
            )
