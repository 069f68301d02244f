"""Plays jobs: the load client in a process of its own, and who used the processor meanwhile."""

import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.load_client import Job
from bench.processes import Servers
from bench.server import ROOT, RunningServer


class VoidRound(Exception):
    """A round with unexpected responses: its figures mean nothing."""


class Player:
    """Plays jobs against servers whose databases lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._databases = Servers(folder)

    def play(self, job: Job, *, expected: int | None, server: RunningServer) -> dict[str, Any]:
        """Return what the client saw; `cpu_shares` are those of a core, by kind of process.

        Raises VoidRound unless every response has the status `expected`; None: any but a failure.
        """
        seen = self._run(job, server)
        statuses = set(seen["statuses"])
        failed = any(status >= "5" for status in statuses)
        if failed if expected is None else statuses != {str(expected)}:
            raise VoidRound(f"{seen['statuses']} where {expected} was expected")
        return seen

    @contextmanager
    def spending(self, server: RunningServer) -> Iterator[dict[str, float]]:
        """Yield what will hold the processor time of the block in s, by kind of process."""
        before, spent = self._used(server), {}
        yield spent
        spent |= {name: used - before.get(name, 0) for name, used in self._used(server).items()}

    def _run(self, job: Job, server: RunningServer) -> dict[str, Any]:
        with self.spending(server) as spent:
            done = subprocess.run(
                [sys.executable, "-m", "bench.load_client"],
                cwd=ROOT,
                input=pickle.dumps(job),
                stdout=subprocess.PIPE,
                check=True,
            )
        seen: dict[str, Any] = json.loads(done.stdout)
        seconds = seen["seconds"]
        shares = {name: used / seconds for name, used in spent.items()}
        seen["cpu_shares"] = {"client": seen.pop("cpu_share"), **shares}
        return seen

    def _used(self, server: RunningServer) -> dict[str, float]:
        return self._databases.cpu_seconds() | server.cpu_seconds()
