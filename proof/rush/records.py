"""What clients saw of each operation, written as a history that the checker reads.

A line has the members of Note [Recorded histories] in `proof/history/recorded.py` that an on-sale
has. Besides its operations there are `status` (of the waiting room), `map`, `availability`, `list`
(of concerts) and `forge`. `invoked` is when a request was due, by the clock of `time.monotonic`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from proof.history.recorded import FAIL, OK, UNKNOWN

LOST_STATUS = 0  # of an operation without a response
# A POST that was cut off on its way gets 503 (docs/decisions/0029), so it may have had its effect.
_NOT_KNOWN = {"000", "500", "502", "503", "504"}


@dataclass(slots=True)
class RecordedOperation:
    """One operation of one client, which its life completes; see Note [Recorded histories]."""

    process: int
    user_id: str
    op: str
    invoked: float
    ended: float
    outcome: str
    status: int
    key: str = ""
    reservation_id: str = ""
    seat_ids: list[str] = field(default_factory=list)
    amount: int = 0
    payment_id: str = ""
    number: int = 0
    state: str = ""
    until: float = 0.0


_NAMES = [one.name for one in fields(RecordedOperation)]


def outcome_of(status: str) -> str:
    """Return what a response's status says of what became of the operation."""
    if status[0] == "2":
        return OK
    return UNKNOWN if status in _NOT_KNOWN else FAIL


def write(path: Path, operations: Iterable[RecordedOperation]) -> None:
    """Write a history."""
    with path.open("w", encoding="utf-8") as file:
        for one in operations:
            line = {name: getattr(one, name) for name in _NAMES}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def read(path: Path) -> Iterator[RecordedOperation]:
    """Yield the operations of a history."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            value: dict[str, Any] = json.loads(line)
            yield RecordedOperation(**value)
