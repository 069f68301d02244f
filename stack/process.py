"""Child processes: started in sessions of their own, known by pid and start time, ended wholly."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import psutil

from stack.errors import StackError
from stack.log_lines import ServerLines
from stack.os_users import OsUser

LAUNCH = Path(__file__).with_name("launch.py")
# Carried by everything the stack starts, its value one data folder's own: what a killed supervisor
# left behind is found by this and by (pid, start time), never by a name.
MARKER = "FRONTROW_STACK"


@dataclass(frozen=True)
class Command:
    """What to run: program, arguments, whole environment, directory, user, niceness (0 to 19)."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    directory: Path = Path("/")
    os_user: OsUser | None = None
    niceness: int = 0


def start_time(pid: int) -> str | None:
    """Return what tells this process from a later one of the same pid, None where there is none.

    On Linux the boot's id and the kernel's own start tick: neither moves when the clock is set.
    """
    try:
        if sys.platform != "linux":
            return str(psutil.Process(pid).create_time())
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if stat[0] in "ZX":  # ended, only not yet collected by its parent
            return None
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{stat[19]}"
    except (OSError, psutil.Error):
        return None


class Child:
    """One running program with all it has started, started by us or found in the registry."""

    def __init__(
        self, pid: int, started: str, popen: subprocess.Popen[bytes] | None = None
    ) -> None:
        self.pid = pid
        self.started = started
        self.strays: Callable[[], Iterable[int]] = tuple  # see Service.strays
        self._popen = popen

    @classmethod
    def spawn(
        cls,
        command: Command,
        log: Path,
        *,
        death_signal: int = signal.SIGTERM,
        pipe: BinaryIO | None = None,
    ) -> "Child":
        """Start `command` in a session of its own, its output appended to `log` or to a `pipe`.

        `death_signal` reaches it when the thread that calls this ends, 0 for none: call it from a
        thread that lives as long as the process does.
        """
        with pipe or log.open("ab") as output:
            popen = subprocess.Popen(
                launched(command, death_signal),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(command.environment),
                cwd=command.directory,
                start_new_session=True,
            )
        return cls(popen.pid, start_time(popen.pid) or "", popen)

    @property
    def born_here(self) -> bool:
        """Whether this process started it, rather than found it running."""
        return self._popen is not None

    def disown(self) -> None:
        """Leave it to itself: it may outlive this process, which waits for its end no more."""
        if self._popen is not None:
            self._popen.returncode = 0  # or its finaliser warns of a process still running
            self._popen = None

    def exit_code(self) -> int | None:
        """Return the exit code, -1 for one that can't be known, None while it runs."""
        if self._popen is not None:
            return self._popen.poll()
        return None if self.alive() else -1

    def alive(self) -> bool:
        if self._popen is not None:
            return self._popen.poll() is None
        return start_time(self.pid) == self.started

    def signal(self, number: int) -> None:
        """Send `number` to the program itself, which tells its own children what follows."""
        if self.alive():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def resume_and_signal(self, number: int) -> None:
        """Send `number` so that it is heard: a frozen process would not."""
        self.signal_family(signal.SIGCONT)
        self.signal(number)

    def family(self) -> list[psutil.Process]:
        """Return the program and what it started, also those whose own parent has ended."""
        found: dict[int, psutil.Process] = {}
        for pid in [*([self.pid] if self.alive() else []), *self.strays()]:
            with suppress(psutil.Error):
                leader = psutil.Process(pid)
                for process in [leader, *leader.children(recursive=True)]:
                    found[process.pid] = process
        # A pid isn't given again while a session of that number lives, so these are ours.
        for process in _session(self.pid):
            found.setdefault(process.pid, process)
        return list(found.values())

    def signal_family(self, number: int) -> None:
        """Send `number` to everything in the family, and again until no new member appears."""
        reached: set[int] = set()
        for _ in range(5):
            fresh = [process for process in self.family() if process.pid not in reached]
            if not fresh:
                return
            for process in fresh:
                reached.add(process.pid)
                with suppress(psutil.Error):
                    process.send_signal(number)

    def kill(self) -> None:
        """End the family at once and wait until it is gone."""
        family = {process.pid: start_time(process.pid) for process in self.family()}
        self.signal_family(signal.SIGKILL)
        if self._popen is not None:
            self._popen.wait()
        wait_until(
            lambda: not any(s and start_time(pid) == s for pid, s in family.items()), 5, every=0.01
        )

    def memory(self) -> int:
        """Return the family's proportional set size in bytes (pages shared count once in all)."""
        total = 0
        for process in self.family():
            with suppress(psutil.Error):
                info = process.memory_full_info()
                total += getattr(info, "pss", 0) or info.rss
        return total


def launched(command: Command, death_signal: int) -> list[str]:
    os_user = command.os_user
    user = (os_user.uid, os_user.gid) if os_user else (-1, -1)
    before = (os.getpid(), int(death_signal), *user, command.niceness)
    return [sys.executable, "-I", "-S", str(LAUNCH), *map(str, before), *command.argv]


def _session(number: int) -> Iterator[psutil.Process]:
    for pid in psutil.pids():
        with suppress(OSError, psutil.Error):
            if os.getsid(pid) == number:
                yield psutil.Process(pid)


def marked(value: str) -> list[psutil.Process]:
    """Return the processes, other than this one, that a stack of this marker started."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(MARKER) == value:
                found.append(process)
    return found


class Tools:
    """Helper programs that run to their end (initdb, psql, migrations), endable from outside."""

    def __init__(self, marker: str = "") -> None:
        self._marker = marker
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def run(
        self,
        command: Command,
        *,
        stdin: str | None = None,
        timeout: float = 300,
        log: Path | None = None,
        lines: ServerLines | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run `command` and return its end and output, also appended to `log`.

        Raises StackError with the line that tells most when it fails or takes over `timeout` s.
        """
        if self._closed:
            raise StackError("stopping")
        program = Path(command.argv[0]).name
        with subprocess.Popen(
            launched(command, signal.SIGTERM),
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**command.environment, MARKER: self._marker},
            cwd=command.directory,
            start_new_session=True,
        ) as process:
            self._running.add(process)
            try:
                given = stdin.encode() if stdin is not None else None
                out, err = process.communicate(given, timeout)
            except subprocess.TimeoutExpired:
                raise StackError(f"{program} took over {timeout:.0f} s") from None
            finally:
                self._end(process)
                self._running.discard(process)
        done = subprocess.CompletedProcess(
            command.argv,
            process.returncode,
            out.decode(errors="replace"),
            err.decode(errors="replace"),
        )
        if log:
            _append(log, (done.stdout + done.stderr).encode(), lines)
        if done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines() or ["(no output)"]
            # A traceback tells at its end, psql at its first error.
            errors = [line for line in said if "ERROR:" in line or "FATAL:" in line]
            telling = (errors or said[-1:])[0]
            raise StackError(f"{program} failed ({done.returncode}): {telling}")
        return done

    def close(self) -> None:
        """End what runs and refuse more."""
        self._closed = True
        for process in list(self._running):
            self._end(process)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _append(log: Path, text: bytes, lines: ServerLines | None) -> None:
    with log.open("ab") as file:
        file.write(lines.take(text) + lines.flush() if lines else text)


def wait_until(condition: Callable[[], bool], seconds: float, *, every: float = 0.05) -> bool:
    """Ask `condition` until it holds or `seconds` have passed; return whether it held."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True
