"""Plays jobs: the load client in a process of its own, and who used the processor meanwhile."""

import json
import pickle
import subprocess
import sys
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
        before = self._used(server)
        done = subprocess.run(
            [sys.executable, "-m", "bench.load_client"],
            cwd=ROOT,
            input=pickle.dumps(job),
            stdout=subprocess.PIPE,
            check=True,
        )
        after = self._used(server)
        seen: dict[str, Any] = json.loads(done.stdout)
        seen["cpu_shares"] = {
            "client": seen.pop("cpu_share"),
            **{
                name: (used - before.get(name, 0)) / seen["seconds"] for name, used in after.items()
            },
        }
        statuses = set(seen["statuses"])
        failed = any(status >= "5" for status in statuses)
        if failed if expected is None else statuses != {str(expected)}:
            raise VoidRound(f"{seen['statuses']} where {expected} was expected")
        return seen

    def _used(self, server: RunningServer) -> dict[str, float]:
        return self._databases.cpu_seconds() | server.cpu_seconds()


def request(
    method: str,
    path: str,
    *,
    body: Any = None,
    bearer: str = "",
    queue_token: str = "",
    client_ip: str = "",
    idempotency_key: str = "",
) -> bytes:
    """Return an HTTP/1.1 request as bytes."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = {
        "Host": "127.0.0.1",
        "Authorization": f"Bearer {bearer}" if bearer else "",
        "X-Queue-Token": queue_token,
        "X-Forwarded-For": client_ip,
        "Idempotency-Key": idempotency_key,
        "Content-Type": "application/json" if content else "",
        "Content-Length": str(len(content)) if method == "POST" else "",
    }
    lines = [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode() + content
