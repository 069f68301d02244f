"""The log files, one a process: read the end, follow all of them, rotate them."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

# All lines are JSON (log_pump.py), with a space after a colon or without.
_WARNING = re.compile(r'"level": ?"(?:WARNING|ERROR|CRITICAL)"')
LARGEST = 20 * 1024 * 1024  # bytes; then its older half of the story moves to NAME.log.1


def is_warning(line: str) -> bool:
    """Tell whether a line of a log is a warning or worse."""
    # The level stands before the message, whose words say nothing about it.
    return _WARNING.search(line.partition('"message"')[0]) is not None


def tail(path: Path, lines: int = 20) -> list[str]:
    """Return the last lines of a log, fewer where it has fewer."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 256 * lines))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def rotate(path: Path, largest: int = LARGEST) -> None:
    """Move a log that has grown past `largest` bytes aside, under its writer's hands.

    The writers append, so after the cut they go on at the new end; what they write between copy and
    cut is lost, which a log on a developer's machine can bear.
    """
    if path.exists() and path.stat().st_size > largest:
        shutil.copyfile(path, path.with_suffix(".log.1"))
        os.truncate(path, 0)


class Follower:
    """Gives what is appended to log files, whole lines with the name before them."""

    def __init__(self, paths: dict[str, Path], *, from_start: bool = False) -> None:
        self._paths = paths
        self._width = max((len(name) for name in paths), default=0)
        self._rest: dict[str, bytes] = {}
        self._at = {
            name: 0 if from_start or not path.exists() else path.stat().st_size
            for name, path in paths.items()
        }

    def lines(self, wanted: Callable[[str], bool] = lambda line: True) -> list[str]:
        """Return the lines written since the last call that are `wanted`, as `name | text`."""
        found = []
        for name, path in self._paths.items():
            prefix = f"{name:<{self._width}} | "
            texts = [line.decode(errors="replace") for line in self._new(name, path)]
            found += [prefix + text for text in texts if wanted(text)]
        return found

    def _new(self, name: str, path: Path) -> list[bytes]:
        try:
            size = path.stat().st_size
        except OSError:
            return []
        if size < self._at[name]:  # it was cut
            self._at[name] = 0
        if size == self._at[name]:
            return []
        with path.open("rb") as file:
            file.seek(self._at[name])
            text = self._rest.pop(name, b"") + file.read(size - self._at[name])
        self._at[name] = size
        *whole, rest = text.split(b"\n")
        if rest:
            self._rest[name] = rest
        return whole
