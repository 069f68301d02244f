"""Fee tables: what giving up a bought seat costs, by the hours before the start.

A table is a text of lines such as "72 20%" or "24 5000": until so many hours before the start a
seat's fee is that percentage of its price, rounded down, or that many minor units, at most the
price. Then the next line holds; after the last one nothing is given back.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError

from kernel.i18n import text

ROWS = 20
HOURS = 24 * 366
AMOUNT = 10**12
_LINE = re.compile(r"([0-9]{1,4}) +([0-9]{1,13})(%?)")
_WRONG = text(
    en="Write 1 to 20 lines such as 72 20% or 24 5000, no hour twice.",
    ko="72 20%, 24 5000과 같은 줄을 1~20개 입력해 주세요. 같은 시간은 한 번만 쓸 수 있습니다.",
)


@dataclass(frozen=True, slots=True)
class Fee:
    """What a seat costs to give up until `hours` before the start: a percentage or an amount."""

    hours: int
    percent: int = 0
    amount: int = 0

    def of(self, price: int) -> int:
        """Return the fee of a seat in minor units, at most its price."""
        return min(price, price * self.percent // 100 + self.amount)


@dataclass(frozen=True, slots=True)
class FeeTable:
    """The lines of one table, the one that ends first in front; version 0 is the one built in."""

    fees: tuple[Fee, ...]
    version: int = 0

    def allowed_until(self, starts_at: datetime) -> datetime:
        """Return the moment from which nothing is given back any more."""
        return starts_at - timedelta(hours=self.fees[-1].hours)

    def fee_at(self, now: datetime, *, starts_at: datetime) -> Fee | None:
        """Return the line that is in force at `now`; None when it is too late."""
        return next(
            (fee for fee in self.fees if now < starts_at - timedelta(hours=fee.hours)), None
        )


def parse(said: str, *, version: int = 0) -> FeeTable:
    """Return the table that a text says. Raises ValueError."""
    rows = [_fee(line.strip()) for line in said.splitlines() if line.strip()]
    hours = {row.hours for row in rows}
    if not 1 <= len(rows) <= ROWS or len(hours) != len(rows):
        raise ValueError("a fee table has 1 to 20 lines, no hour twice")
    return FeeTable(tuple(sorted(rows, key=lambda row: -row.hours)), version)


def as_text(rows: Sequence[Fee]) -> str:
    """Return the text of a table, as `parse` reads it."""
    return "\n".join(
        f"{row.hours} {row.amount}" if row.amount else f"{row.hours} {row.percent}%" for row in rows
    )


def validate_fees(said: str) -> None:
    """Raise ValidationError unless the text is a fee table."""
    try:
        parse(said)
    except ValueError as reason:
        raise ValidationError(str(_WRONG), code="fees") from reason


def _fee(line: str) -> Fee:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"not a line of a fee table: {line!r}")
    hours, number, is_percent = int(found[1]), int(found[2]), bool(found[3])
    if hours > HOURS or number > (100 if is_percent else AMOUNT):
        raise ValueError(f"out of bounds: {line!r}")
    return Fee(hours, percent=number) if is_percent else Fee(hours, amount=number)


# What is usual for concerts: free until ten days before, then 10, 20 and 30 %.
BUILT_IN = parse("240 0%\n168 10%\n72 20%\n24 30%")
