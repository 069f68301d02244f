"""In which line of a JSON text each value begins; the standard parser keeps no positions."""

import json
from bisect import bisect_right
from json import decoder

Path = tuple[str | int, ...]

_values = json.JSONDecoder()
_space = decoder.WHITESPACE  # type: ignore[attr-defined]


class NoLines:
    """Knows no line."""

    def of(self, path: Path) -> None:
        """Return None."""


class Lines:
    """The lines (from 1) of the values of a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._offsets: dict[Path, int] = {}
        self._duplicates: list[int] = []
        self._newlines = [at for at, character in enumerate(text) if character == "\n"]
        self._record(self._skip(0), ())

    def of(self, path: Path) -> int | None:
        """Return the line in which the value at `path` begins."""
        offset = self._offsets.get(path)
        return None if offset is None else self._place(offset)[0]

    def place_of(self, path: Path) -> tuple[int, int]:
        """Return the line and the column (from 1) in which the value at `path` begins."""
        return self._place(self._offsets[path])

    def first_duplicate(self) -> tuple[int, int]:
        """Return where a member is named again in its object; raises `IndexError` for none."""
        return self._place(self._duplicates[0])

    def _place(self, offset: int) -> tuple[int, int]:
        before = bisect_right(self._newlines, offset)
        return before + 1, offset - (self._newlines[before - 1] if before else -1)

    def _record(self, at: int, path: Path) -> int:
        """Note the value at `at` and those inside; return where it ends."""
        self._offsets[path] = at
        if self._text[at] == "{":
            return self._record_members(at, path)
        if self._text[at] == "[":
            return self._record_items(at, path)
        return _values.raw_decode(self._text, at)[1]

    def _record_members(self, at: int, path: Path) -> int:
        at = self._skip(at + 1)
        while self._text[at] != "}":
            named = at
            key, at = _values.raw_decode(self._text, at)
            if (*path, key) in self._offsets:
                self._duplicates.append(named)
            at = self._skip(self._skip(at) + 1)  # past the colon
            at = self._skip(self._record(at, (*path, key)))
            if self._text[at] == ",":
                at = self._skip(at + 1)
        return at + 1

    def _record_items(self, at: int, path: Path) -> int:
        at = self._skip(at + 1)
        index = 0
        while self._text[at] != "]":
            at = self._skip(self._record(at, (*path, index)))
            index += 1
            if self._text[at] == ",":
                at = self._skip(at + 1)
        return at + 1

    def _skip(self, at: int) -> int:
        return int(_space.match(self._text, at).end())
