"""The head of a CSV layout: which separator, and what each column is, in English or Korean."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from concerts.layout.form import Problem, quoted, shortened
from kernel.text.spelling import fold

COLUMNS = ("section", "grade", "price", "row", "seat", "x", "y", "accessible")
SEPARATORS = (",", ";", "\t", "|")
MAX_COLUMNS = 1000  # a spreadsheet leaves empty ones at its edge
MAX_NAMED = 10  # unknown columns named in a problem
MAX_HEADER = 4000  # characters; with every alias and empty columns beside them it is under 500
_OPTIONAL = {"accessible"}
_KOREAN = {
    "section": "구역",
    "grade": "등급",
    "price": "가격",
    "row": "열",
    "seat": "좌석",
    "x": "x",
    "y": "y",
    "accessible": "휠체어석",
}
_ALIASES = {
    "구역": "section",
    "구역코드": "section",
    "섹션": "section",
    "블록": "section",
    "등급": "grade",
    "등급코드": "grade",
    "좌석등급": "grade",
    "가격": "price",
    "가격원": "price",
    "금액": "price",
    "열": "row",
    "줄": "row",
    "좌석": "seat",
    "좌석번호": "seat",
    "번호": "seat",
    "x좌표": "x",
    "y좌표": "y",
    "휠체어": "accessible",
    "휠체어석": "accessible",
    "장애인석": "accessible",
} | {name: name for name in COLUMNS}
_NO_PART_OF_A_NAME = re.compile(r"[\s_().\-]+")
_SEPARATOR_LINE = re.compile(r'\A"?sep=([,;\t|])"?[ \r]*(?:\n|\Z)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each column stands (from 0), and what the file calls it."""

    places: dict[str, int]
    written: tuple[str, ...]
    known: frozenset[int]

    def label(self, name: str) -> str:
        """Return how to find a column: its name in the file and its letter in a spreadsheet."""
        at = self.places[name]
        return f"{shortened(self.written[at])} ({letter(at)})"


def separator_of(text: str) -> tuple[str, int]:
    """Return the separator, and where the lines begin: after Excel's own `sep=` line, if any.

    Without that line it is the one by which most names of columns are found in the first line.
    """
    said = _SEPARATOR_LINE.match(text)
    if said:
        return said.group(1), said.end()
    first = text.lstrip()[:MAX_HEADER].partition("\n")[0]
    return max(SEPARATORS, key=lambda one: sum(map(bool, map(_meaning, first.split(one))))), 0


def columns_of(cells: Sequence[str], *, line: int) -> tuple[Columns, list[Problem]]:
    """Return what the columns of a header are, and what is wrong with it.

    Columns without a name are fine as long as they stay empty.
    """
    places: dict[str, int] = {}
    if len(cells) > MAX_COLUMNS:
        return Columns(places, (), frozenset()), [_too_many(len(cells), line)]
    twice, unknown = [], []
    for at, cell in enumerate(cells):
        name = _meaning(cell)
        if name in places:
            twice.append(cell)
        elif name:
            places[name] = at
        elif fold(cell):
            unknown.append(cell)
    columns = Columns(places, tuple(cells), frozenset(places.values()))
    return columns, [*_missing(places, line), *_unknown(unknown, line), *_twice(twice, line)]


def letter(at: int) -> str:
    """Return a spreadsheet's letter of a column (from 0)."""
    letters = ""
    while at >= 0:
        at, place = divmod(at, 26)
        letters = chr(ord("A") + place) + letters
        at -= 1
    return letters


def _meaning(cell: str) -> str:
    name = fold(cell[:MAX_HEADER]).strip('"')
    return _ALIASES.get(_NO_PART_OF_A_NAME.sub("", name), "")


def _too_many(count: int, line: int) -> Problem:
    return Problem(
        line,
        f"{count:,} columns are more than {MAX_COLUMNS:,}: name {', '.join(COLUMNS)}",
        f"열이 {count:,}개로 {MAX_COLUMNS:,}개를 넘습니다. "
        f"{', '.join(_KOREAN.values())}만 남겨 주세요",
    )


def _missing(places: dict[str, int], line: int) -> list[Problem]:
    missing = [name for name in COLUMNS if name not in places and name not in _OPTIONAL]
    if not missing:
        return []
    korean = ", ".join(
        name if _KOREAN[name] == name else f"{_KOREAN[name]}({name})" for name in missing
    )
    return [
        Problem(
            line,
            f"columns are missing: {', '.join(missing)}; name them in the first line, "
            "separated by commas, semicolons or tabs",
            f"열이 없습니다: {korean}. 첫 줄에 쉼표, 세미콜론, 탭으로 나누어 적어 주세요",
        )
    ]


def _unknown(cells: Sequence[str], line: int) -> list[Problem]:
    return _about(
        cells,
        line,
        english=f"unknown columns: %s; leave them out, or name them {', '.join(COLUMNS)}",
        korean=f"알 수 없는 열: %s. 지우거나 {', '.join(_KOREAN.values())} 중 하나로 적어 주세요",
    )


def _twice(cells: Sequence[str], line: int) -> list[Problem]:
    return _about(
        cells,
        line,
        english="a column is there twice: %s; leave one of them out",
        korean="중복된 열이 있습니다: %s. 하나만 남겨 주세요",
    )


def _about(cells: Sequence[str], line: int, *, english: str, korean: str) -> list[Problem]:
    """Return what is wrong with these columns, which the texts name at `%s`; nothing of none."""
    if not cells:
        return []
    names = ", ".join(map(quoted, cells[:MAX_NAMED]))
    return [Problem(line, english % names, korean % names)]
