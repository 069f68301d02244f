"""What importing a layout would change, counted for people."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from concerts.layout.form import GradeForm, Layout, SectionForm
from kernel.text.spelling import fold

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GradeLine:
    """A grade after the import: its price and seats, and those before (None: it is new)."""

    code: str
    price: int
    seats: int
    price_before: int | None
    seats_before: int


@dataclass(frozen=True, slots=True)
class SectionLine:
    """A section after the import: its grade and seats, and the seats before."""

    code: str
    grade: str
    seats: int
    seats_before: int


@dataclass(frozen=True, slots=True)
class Difference:
    """What an import changes. `seats_*` count places (section, row, number), `shapes*` outlines.

    The stage is one of the shapes.
    """

    grades: tuple[GradeLine, ...]
    sections: tuple[SectionLine, ...]
    removed_grades: tuple[str, ...]
    removed_sections: tuple[str, ...]
    seats: int
    seats_before: int
    seats_added: int
    seats_removed: int
    shapes: int
    shapes_before: int
    changed: bool

    def as_json(self) -> dict[str, object]:
        """Return the counts for programs."""
        return {
            "changed": self.changed,
            "seats": self.seats,
            "seats_before": self.seats_before,
            "seats_added": self.seats_added,
            "seats_removed": self.seats_removed,
            "shapes": self.shapes,
            "shapes_before": self.shapes_before,
            "grades": [
                {"code": g.code, "price": g.price, "seats": g.seats, "price_before": g.price_before}
                for g in self.grades
            ],
            "sections": [
                {"code": s.code, "grade": s.grade, "seats": s.seats, "seats_before": s.seats_before}
                for s in self.sections
            ],
            "removed_grades": list(self.removed_grades),
            "removed_sections": list(self.removed_sections),
        }


def with_names(new: Layout, old: Layout) -> Layout:
    """Return `new` with a name for everything: its own, else the old one's, else the code.

    A form of file without stage, outlines and focal points leaves those as they are.
    """
    grades = {fold(grade.code): grade for grade in old.grades}
    sections = {fold(section.code): section for section in old.sections}
    stage = new.stage if new.has_shapes else old.stage
    return replace(
        new,
        stage=stage,
        grades=tuple(_named(grade, grades.get(fold(grade.code))) for grade in new.grades),
        sections=tuple(
            _shaped(_named(section, known), None if new.has_shapes else known)
            for section in new.sections
            for known in [sections.get(fold(section.code))]
        ),
    )


def difference(old: Layout, new: Layout) -> Difference:
    """Return what replacing `old` by `new` changes."""
    places_before, places = _places(old), _places(new)
    prices_before = {fold(grade.code): grade.price for grade in old.grades}
    by_section, by_section_before = _per_section(new), _per_section(old)
    by_grade, by_grade_before = _per_grade(new, by_section), _per_grade(old, by_section_before)
    return Difference(
        grades=tuple(
            GradeLine(
                grade.code,
                grade.price,
                by_grade[fold(grade.code)],
                prices_before.get(fold(grade.code)),
                by_grade_before[fold(grade.code)],
            )
            for grade in new.grades
        ),
        sections=tuple(
            SectionLine(
                section.code,
                section.grade,
                by_section[fold(section.code)],
                by_section_before[fold(section.code)],
            )
            for section in new.sections
        ),
        removed_grades=_missing(old.grades, new.grades),
        removed_sections=_missing(old.sections, new.sections),
        seats=len(new.seats),
        seats_before=len(old.seats),
        seats_added=len(places - places_before),
        seats_removed=len(places_before - places),
        shapes=_shapes(new),
        shapes_before=_shapes(old),
        changed=old != new,
    )


def _named(item: T, known: T | None) -> T:
    code = item.code  # type: ignore[attr-defined]
    return replace(  # type: ignore[type-var]
        item,
        name_ko=item.name_ko or getattr(known, "name_ko", "") or code,  # type: ignore[attr-defined]
        name_en=item.name_en or getattr(known, "name_en", ""),  # type: ignore[attr-defined]
    )


def _shaped(section: SectionForm, known: SectionForm | None) -> SectionForm:
    if known is None:
        return section
    return replace(section, focal_x=known.focal_x, focal_y=known.focal_y, outline=known.outline)


def _places(layout: Layout) -> set[tuple[str, str, str]]:
    return {(fold(seat.section), fold(seat.row), fold(seat.number)) for seat in layout.seats}


def _shapes(layout: Layout) -> int:
    return sum(one is not None for one in (layout.stage, *(s.outline for s in layout.sections)))


def _per_section(layout: Layout) -> Counter[str]:
    return Counter(fold(seat.section) for seat in layout.seats)


def _per_grade(layout: Layout, by_section: Counter[str]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for section in layout.sections:
        counts[fold(section.grade)] += by_section[fold(section.code)]
    return counts


def _missing(
    old: Iterable[GradeForm | SectionForm], new: Iterable[GradeForm | SectionForm]
) -> tuple[str, ...]:
    present = {fold(item.code) for item in new}
    return tuple(item.code for item in old if fold(item.code) not in present)
