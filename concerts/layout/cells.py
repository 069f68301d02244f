"""Single cells of a spreadsheet: reading values strictly, and texts that would be formulas.

Note [Formula cells]
A spreadsheet runs a cell that begins with `=`, `+`, `-` or `@`, no matter who typed it, on the
machine of the person who opens the file. So a file is written with an apostrophe before such a
text, and before one that has the apostrophe already; reading takes one away, so that every layout
comes back as it was. A text that begins so without an apostrophe is refused (in the file of
somebody who means a sum, the sum is missing), unless it is a plain number such as `-1`.
"""

import re

from concerts.layout.form import quoted
from kernel.text.spelling import canonical

_BEGINS_FORMULA = re.compile(r"'*[=+\-@]")
_ESCAPED = re.compile(r"'+[=+\-@]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_DIGITS = re.compile(r"[0-9]+|[0-9]{1,3}(,[0-9]{3})+")
_COORDINATE = re.compile(r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LONGEST_NUMBER = 30
_TRUE = {"1", "true", "yes", "y", "o", "예", "네", "있음"}
_FALSE = {"", "0", "false", "no", "n", "x", "아니오", "아니요", "없음"}


class CellRefused(Exception):
    """A cell can't be read; `en` and `ko` say why and what to write instead."""

    def __init__(self, en: str, ko: str) -> None:
        super().__init__(en)
        self.en = en
        self.ko = ko


def read_text(cell: str) -> str:
    """Return the text of a cell (Note [Formula cells]); raises `CellRefused` for a formula."""
    if _ESCAPED.match(cell):
        return cell[1:]
    spelled = canonical(cell)
    if _BEGINS_FORMULA.match(spelled) and not _NUMBER.fullmatch(spelled):
        raise CellRefused(
            f"{quoted(cell)} is a formula: write its value, or ' before it if it is meant so",
            f"{quoted(cell)}은(는) 수식입니다. 값을 입력하거나, 그대로 쓰려면 앞에 '를 붙여 주세요",
        )
    return cell


def write_text(value: str) -> str:
    """Return the cell of a text; no spreadsheet runs it (Note [Formula cells])."""
    return f"'{value}" if _BEGINS_FORMULA.match(value) else value


def read_price(cell: str) -> int:
    """Return whole minor units; raises `CellRefused`."""
    if not _DIGITS.fullmatch(cell) or len(cell) > _LONGEST_NUMBER:
        raise CellRefused(
            f"{quoted(cell)} is no price: write digits only, such as 99000 or 99,000",
            f"{quoted(cell)}은(는) 가격이 아닙니다. 99000이나 99,000처럼 숫자만 입력해 주세요",
        )
    return int(cell.replace(",", ""))


def read_coordinate(cell: str) -> float:
    """Return a number; raises `CellRefused`."""
    if not _COORDINATE.fullmatch(cell) or len(cell) > _LONGEST_NUMBER:
        raise CellRefused(
            f"{quoted(cell)} is no number: write one such as 12 or -3.5",
            f"{quoted(cell)}은(는) 숫자가 아닙니다. 12나 -3.5처럼 입력해 주세요",
        )
    return float(cell.replace(",", ""))


def write_coordinate(value: float) -> str:
    """Return the shortest cell that reads as the same number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def read_truth(cell: str) -> bool:
    """Return whether a cell says yes; raises `CellRefused`."""
    word = canonical(cell).lower()
    if word not in _TRUE | _FALSE:
        raise CellRefused(
            f"{quoted(cell)} says neither yes nor no: write 1 or 0",
            f"{quoted(cell)}은(는) 예/아니오가 아닙니다. 1이나 0을 입력해 주세요",
        )
    return word in _TRUE
