"""A seat layout as plain values, whichever form of file it came in.

Codes and names are brought into their form as the values are made, so that every way in (CSV, JSON,
the command line, the admin, demo data) compares and keeps the same (Note [Texts that read alike]).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from kernel.i18n import is_korean
from kernel.text.spelling import canonical, composed, fold

FORMAT = "frontrow-layout/1"
MAX_BYTES = 32 * 1024 * 1024
MAX_SEATS = 100_000
MAX_SECTIONS = 500
MAX_GRADES = 50
MAX_PRICE = 100_000_000  # minor units
MAX_COORDINATE = 1_000_000.0
MAX_CORNERS = 200  # of an outline
MAX_PROBLEMS = 50
MAX_WARNINGS = 20
MAX_QUOTED = 40  # characters of a file repeated in a problem
CODE_LENGTH = 20
NAME_LENGTH = 100
PLACE_LENGTH = 10  # of a row's label and a seat's number

# The corners of a shape, of which the last is joined to the first.
Outline = tuple[tuple[float, float], ...]

# Called as work goes on with what is being done (`reading`, `checking`, `writing`), how much of it
# is done and how much there is, in any unit.
Progress = Callable[[str, int, int], None]


def no_progress(stage: str, done: int, total: int) -> None:
    """Show nobody anything."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file and how to mend it, and where: its line (from 1) and column.

    None: the file, or the line, as a whole.
    """

    line: int | None
    en: str
    ko: str
    column: str | None = None

    def __str__(self) -> str:
        return self._in_korean() if is_korean() else self._in_english()

    def as_json(self) -> dict[str, object]:
        """Return line, column and the message in both languages, for programs."""
        return {
            "line": self.line,
            "column": self.column,
            "message": self.en,
            "message_ko": self.ko,
        }

    def _in_english(self) -> str:
        places = [f"line {self.line}"] if self.line is not None else []
        places += [f"column {self.column}"] if self.column is not None else []
        return ": ".join([", ".join(places), self.en] if places else [self.en])

    def _in_korean(self) -> str:
        places = [f"{self.line}행"] if self.line is not None else []
        places += [f"{self.column} 칸"] if self.column is not None else []
        return ": ".join([" ".join(places), self.ko] if places else [self.ko])


@dataclass(frozen=True, slots=True)
class GradeForm:
    """A price grade; `price` in minor units."""

    code: str
    name_ko: str
    name_en: str
    price: int
    line: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _spell(self, codes=("code",), names=("name_ko", "name_en"))


@dataclass(frozen=True, slots=True)
class SectionForm:
    """A section and the code of its one grade; without an outline one is drawn around its seats."""

    code: str
    name_ko: str
    name_en: str
    grade: str
    focal_x: float | None = None
    focal_y: float | None = None
    outline: Outline | None = None
    line: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _spell(self, codes=("code", "grade"), names=("name_ko", "name_en"))


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

    def __post_init__(self) -> None:
        _spell(self, codes=("section", "row", "number"))


@dataclass(frozen=True, slots=True)
class Layout:
    """All of it, in the order of the file.

    `has_shapes` is false for a form of file that cannot say the stage, outlines and focal points.
    """

    grades: tuple[GradeForm, ...]
    sections: tuple[SectionForm, ...]
    seats: tuple[SeatForm, ...]
    stage: Outline | None = None
    has_shapes: bool = field(default=True, compare=False)


def grouped(layout: Layout) -> Layout:
    """Return the layout with each section's seats together, row by row, else in the file's order.

    A spreadsheet may be sorted in any way; seat maps and availability count on whole rows. What is
    one code by its fold is spelled one way afterwards: as where it stands first.
    """
    grades = _first_spellings(grade.code for grade in layout.grades)
    sections = _first_spellings(section.code for section in layout.sections)
    at = {key: place for place, key in enumerate(sections)}
    rows: dict[tuple[str, str], tuple[int, str]] = {}
    placed = []
    for seat in layout.seats:
        section = fold(seat.section)
        order, row = rows.setdefault((section, fold(seat.row)), (len(rows), seat.row))
        code = sections.get(section, seat.section)
        if (code, row) != (seat.section, seat.row):
            seat = replace(seat, section=code, row=row)  # noqa: PLW2901
        placed.append((at.get(section, -1), order, seat))
    placed.sort(key=lambda entry: entry[:2])
    return replace(
        layout,
        sections=tuple(
            replace(section, grade=grades.get(fold(section.grade), section.grade))
            for section in layout.sections
        ),
        seats=tuple(seat for *_, seat in placed),
    )


def shortened(value: object) -> str:
    """Return what a file says, short and printable enough to be repeated in a problem."""
    said = str(value)
    shown = said if len(said) <= MAX_QUOTED else said[:MAX_QUOTED] + "…"
    return "".join(one if one.isprintable() else "�" for one in shown)


def quoted(value: object) -> str:
    """Return the same in quotation marks."""
    return f"'{shortened(value)}'"


def _first_spellings(codes: Iterable[str]) -> dict[str, str]:
    first: dict[str, str] = {}
    for code in codes:
        first.setdefault(fold(code), code)
    return first


def _spell(form: object, *, codes: tuple[str, ...], names: tuple[str, ...] = ()) -> None:
    # The values are frozen for everybody else; this is where they are made.
    for name in codes:
        object.__setattr__(form, name, canonical(getattr(form, name)))
    for name in names:
        object.__setattr__(form, name, composed(getattr(form, name)))
