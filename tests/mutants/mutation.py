"""What one mutant is: a text edit of one file, or a constraint left out of the test databases."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `start` to `end` of a source, and what stands there instead."""

    operator: str
    start: int
    end: int
    replacement: bytes

    def moved(self, by: int) -> "Edit":
        """Return the same edit of a text in which this one begins at `by`."""
        return replace(self, start=self.start + by, end=self.end + by)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One guard removed.

    `id` depends on what is changed and not on where it stands in the file, so results outlive
    edits elsewhere. For a constraint `path` is its table, `original` its name and `edit` None.
    """

    id: str
    path: str
    line: int
    operator: str
    original: str
    replacement: str
    edit: Edit | None = None
    database: str = ""

    def describe(self) -> str:
        """Return one line for people."""
        return f"{self.path}:{self.line} {self.operator}: {self.original} -> {self.replacement}"


def from_edits(path: str, source: bytes, edits: Iterable[Edit]) -> list[Mutant]:
    """Return the mutants of a file, each edit once."""
    found: list[Mutant] = []
    seen: set[tuple[int, int, bytes]] = set()
    alike: Counter[tuple[str, str, str]] = Counter()
    for edit in sorted(edits, key=lambda e: (e.start, e.end, e.replacement)):
        place = (edit.start, edit.end, edit.replacement)
        if place in seen or source[edit.start : edit.end] == edit.replacement:
            continue
        seen.add(place)
        original, replacement = (
            one_line(text) for text in (source[edit.start : edit.end], edit.replacement)
        )
        key = (edit.operator, original, replacement)
        alike[key] += 1
        line = source.count(b"\n", 0, edit.start) + 1
        name = identity(path, *key, str(alike[key]))
        found.append(Mutant(name, path, line, edit.operator, original, replacement, edit))
    return found


def identity(*parts: str) -> str:
    """Return a short name made of the parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def one_line(text: bytes) -> str:
    """Return text on one line."""
    return " ".join(text.decode().split())
