"""Which files of the log a restore reads, and whether all of them are in the archive.

Note [A gap refuses]
PostgreSQL takes a file that can't be fetched for the end of the log. Without a moment to reach it
would open as soon as one is missing, and nobody would know what is not there. So the names are
looked through before anything is fetched, and the last file has to have been reached afterwards.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from stack.backups.archive import LogFile

_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})")
_HISTORY = re.compile(r"([0-9A-F]{8})\.history")
_FORK = re.compile(r"(\d+)\s+([0-9A-F]+)/([0-9A-F]+)")
SEGMENT_BYTES = 16 * 1024 * 1024
_PER_GROUP = 0x1_0000_0000 // SEGMENT_BYTES


@dataclass(frozen=True, order=True)
class LogSegment:
    """A file of the log: `place` counts them from the cluster's beginning, over all timelines."""

    place: int
    timeline: int

    @classmethod
    def read(cls, name: str) -> "LogSegment | None":
        """Return the segment of this name, None for a file that is none."""
        found = _SEGMENT.fullmatch(name)
        if not found:
            return None
        timeline, group, within = (int(part, 16) for part in found.groups())
        return cls(group * _PER_GROUP + within, timeline)

    @property
    def name(self) -> str:
        group, within = divmod(self.place, _PER_GROUP)
        return f"{self.timeline:08X}{group:08X}{within:08X}"


@dataclass(frozen=True)
class LogChain:
    """The segments from a copy's beginning to the archive's end: there, or `missing`.

    `missing` is the first that isn't there although a later one is.
    """

    segments: Sequence[LogSegment]
    stored: Mapping[str, float]  # name: Unix time
    missing: LogSegment | None

    @property
    def last(self) -> LogSegment:
        return self.segments[-1]

    @property
    def ends_at(self) -> float:
        """When the last file was there (Unix time): a commit before it, if only just, is in it."""
        return self.stored.get(self.last.name, 0.0)

    def gap_before(self, moment: float | None) -> LogSegment | None:
        """Return the missing segment that a restore to `moment` (None: to the end) would need."""
        if self.missing is None or moment is None:
            return self.missing
        # What was stored before the moment holds nothing of it; the next one may.
        reach = next(
            (one for one in self.segments if self.stored.get(one.name, 0.0) >= moment), self.last
        )
        return self.missing if self.missing <= reach else None


def newest_timeline(files: Iterable[LogFile]) -> int:
    """Return the highest timeline that the archive knows."""
    found = [int(m[1], 16) for m in (_HISTORY.fullmatch(one.name) for one in files) if m]
    return max(found, default=1)


def forks_of(history: str) -> list[tuple[int, int]]:
    """Return (timeline, the segment in which the next begins) of each ancestor."""
    found = [_FORK.match(line) for line in history.splitlines()]
    return [
        (int(one[1]), ((int(one[2], 16) << 32) + int(one[3], 16)) // SEGMENT_BYTES)
        for one in found
        if one
    ]


def chain(
    begin_wal: str, files: Iterable[LogFile], *, timeline: int = 1, history: str = ""
) -> LogChain:
    """Return the log from `begin_wal` to the archive's end on the way to `timeline`."""
    first = LogSegment.read(begin_wal)
    if first is None:
        raise ValueError(f"{begin_wal} is no file of the log")
    stored = {one.name: one.stored for one in files}
    forks = forks_of(history)

    def at(place: int) -> LogSegment:
        owner = next((line for line, end in forks if place < end), timeline)
        return LogSegment(place, max(owner, first.timeline))

    places = [one.place for one in map(LogSegment.read, stored) if one and one.place >= first.place]
    there = [one for one in map(at, sorted(set(places))) if one.name in stored]
    if not there:
        return LogChain([first], stored, first)
    every = [at(place) for place in range(first.place, there[-1].place + 1)]
    missing = next((one for one in every if one.name not in stored), None)
    return LogChain(every, stored, missing)
