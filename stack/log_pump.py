"""What all processes write, taken from pipes and written to the log files as JSON lines.

Note [Logs through a pipe]
A process of the stack writes into a pipe, and one thread of the supervisor writes what it reads to
the process's log file: JSON lines as they are, everything else as a JSON line (log_lines.py). It
reads fifty times a second, many lines at a time, and a pipe holds a mebibyte: a crowd costs the
supervisor little, and nobody waits for it. PostgreSQL writes its JSON to a file of its own, which
is followed here and cut once it is large. A disk that takes no more costs lines, not the process.
"""

import fcntl
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from stack.log_lines import ServerLines
from stack.logs import LARGEST
from stack.service import Service

PIPE_BYTES = 1024 * 1024
EVERY_SECONDS = 0.02
READ_BYTES = 256 * 1024


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Source:
    """A pipe or a file that is read, and where its lines go."""

    descriptor: int
    log: Path
    lines: ServerLines
    file: Path | None = None
    quiet: int = field(default=0)  # rounds without a byte

    def read(self) -> bytes | None:
        """Return what is new, b"" for nothing; None at the end of a pipe."""
        try:
            data = os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:
            return b""
        return data if data or self.file else None


class LogPump:
    """The pipes of one supervisor; `close` takes what is still in them."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._sources: list[_Source] = []
        self._awaited: dict[Path, tuple[str, Path]] = {}  # files of servers that have none yet
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        self._thread.start()

    def pipe(self, service: str, log: Path) -> BinaryIO:
        """Return where a process of the service writes; what is written there goes to `log`."""
        reading, writing = os.pipe()
        with suppress(OSError):  # the user's pipes are as large as they may be
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(reading, False)
        with self._changing:
            self._sources.append(_Source(reading, log, ServerLines(service, self._version, _now)))
        return os.fdopen(writing, "wb", buffering=0)

    def pipe_of(self, service: Service, log: Path) -> BinaryIO:
        """Return where a service's process writes; the files that it writes are followed too."""
        for file in service.log_files:
            self.follow(file, service.name, log)
        return self.pipe(service.name, log)

    def follow(self, file: Path, service: str, log: Path) -> None:
        """Write what a server appends to a file of its own from now on to `log`."""
        with self._changing:
            if file in self._awaited or any(source.file == file for source in self._sources):
                return
            if file.exists():
                self._open(file, service, log, os.SEEK_END)
            else:
                self._awaited[file] = (service, log)

    def close(self) -> None:
        """Write what has come until now, and end."""
        self._stopping.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            self._round()
        deadline = time.monotonic() + 1
        while self._round() and time.monotonic() < deadline:
            pass
        for source in self._sources:
            _append(source.log, source.lines.flush())

    def _round(self) -> bool:
        """Take what is there; say whether there was anything."""
        with self._changing:
            self._open_awaited()
            sources = list(self._sources)
        return sum(self._take(source) for source in sources) > 0

    def _take(self, source: _Source) -> bool:
        data = source.read()
        if data is None:
            _append(source.log, source.lines.flush())
            os.close(source.descriptor)
            with self._changing:
                self._sources.remove(source)
            return False
        if data:
            source.quiet = 0
            _append(source.log, source.lines.take(data))
            return True
        source.quiet += 1
        if source.quiet == 2:  # nothing more belongs to the last line
            _append(source.log, source.lines.flush())
        if source.file and source.quiet == 2 and os.fstat(source.descriptor).st_size > LARGEST:
            os.truncate(source.file, 0)
            os.lseek(source.descriptor, 0, os.SEEK_SET)
        return False

    def _open_awaited(self) -> None:
        for file in [file for file in self._awaited if file.exists()]:
            service, log = self._awaited.pop(file)
            self._open(file, service, log, os.SEEK_SET)

    def _open(self, file: Path, service: str, log: Path, whence: int) -> None:
        descriptor = os.open(file, os.O_RDONLY)
        os.lseek(descriptor, 0, whence)
        self._sources.append(
            _Source(descriptor, log, ServerLines(service, self._version, _now), file)
        )


def _append(log: Path, data: bytes) -> None:
    if not data:
        return
    with suppress(OSError), log.open("ab", buffering=0) as file:
        file.write(data)
