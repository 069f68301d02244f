"""The registry of running processes: a later command finds there what a supervisor left."""

import fcntl
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from stack.process import Child, marked, start_time, wait_until


class ProcessRegistry:
    """The processes of one data folder, by name: pid and start time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kept: dict[str, list[object]] | None = None

    def keep(self, children: Mapping[str, Child]) -> None:
        """Write `children` to the file, if anything has changed."""
        entries: dict[str, list[object]] = {
            name: [child.pid, child.started] for name, child in children.items()
        }
        if entries != self._kept:
            write_json(self.path, entries)
            self._kept = entries

    def alive(self) -> dict[str, Child]:
        """Return the registered processes that still run."""
        children = {
            name: Child(pid, started) for name, (pid, started) in read_json(self.path).items()
        }
        return {name: child for name, child in children.items() if child.alive()}

    def clear(self, marker: str) -> list[str]:
        """End what still runs of an earlier supervisor; return the names.

        The registered ones get a signal to stop and some seconds; then everything that carries our
        marker is killed: a worker whose own parent was killed is not registered.
        """
        left = self.alive()
        for child in left.values():
            child.resume_and_signal(signal.SIGTERM)
        wait_until(lambda: not any(child.alive() for child in left.values()), 8)
        for child in left.values():
            child.kill()
        orphans = marked(marker)
        for process in orphans:
            with suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(orphans, timeout=5)
        self.path.unlink(missing_ok=True)
        return sorted(left) + [f"process {process.pid}" for process in orphans]


def write_json(path: Path, value: object) -> None:
    """Replace `path` by `value` in one step; only its owner can read it."""
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(value, indent=1))
    unfinished.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in `path`, empty where there is none or half of one."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Hold the lock file at `path`; yield whether it was free. A dead holder's lock is free."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def holder(path: Path) -> int | None:
    """Return the pid of the supervisor named in `path` while that very process runs."""
    supervisor = read_json(path)
    pid, started = supervisor.get("pid"), supervisor.get("started")
    return pid if isinstance(pid, int) and started and start_time(pid) == started else None


def record_holder(path: Path) -> None:
    """Write this process to `path` as the supervisor."""
    write_json(path, {"pid": os.getpid(), "started": start_time(os.getpid())})
