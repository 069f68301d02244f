"""The servers under load and the load client, each in processes of its own."""

import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.load_client import Job
from stack.application import ALLOCATOR, Api
from stack.service import free_ports, listens

_ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 60


class VoidRound(Exception):
    """A round with unexpected responses: its figures mean nothing."""


@dataclass(frozen=True)
class RunningServer:
    """A running server."""

    port: int
    process: psutil.Process

    def cpu_seconds(self) -> float:
        """Return the processor time of all its processes so far."""
        family = [self.process, *self.process.children(recursive=True)]
        return sum(sum(one.cpu_times()[:2]) for one in family)

    def memory(self) -> list[int]:
        """Return the proportional set size of each of its worker processes, in bytes."""
        workers = [
            child
            for child in self.process.children(recursive=True)
            if "resource_tracker" not in " ".join(child.cmdline())
        ]
        return [worker.memory_full_info().pss for worker in workers]


@contextmanager
def serve(
    application: str, folder: Path, allocator: Mapping[str, str] = ALLOCATOR
) -> Iterator[RunningServer]:
    """Serve `application` by granian, with exactly the options that the stack gives the API."""
    [port] = free_ports(1)
    environment = {
        **os.environ,
        **allocator,
        "PROMETHEUS_MULTIPROC_DIR": str(folder / f"metrics-{port}"),
        "LOG_LEVEL": "INFO",  # the access log is part of what a request costs
        "TRUSTED_PROXY_COUNT": "0",
    }
    service = Api(environment, port, reload=False)
    service.prepare(0)
    argv = [application if word == "config.wsgi:application" else word for word in service.argv]
    if application not in argv:
        raise LookupError("the stack no longer serves config.wsgi:application")
    with (folder / f"{application.partition(':')[0]}.log").open("ab") as log:
        started = subprocess.Popen(argv, cwd=_ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not listens(port):
            if started.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{application} did not start; see {log.name}")
            time.sleep(0.1)
        yield RunningServer(port, psutil.Process(started.pid))
    finally:
        started.terminate()
        started.wait()


def play(job: Job, *, expected: int | None, server: RunningServer | None = None) -> dict[str, Any]:
    """Return what the client saw, and with `server` its CPU share too (1.0: one core).

    Raises VoidRound unless every response has the status `expected`; None: any but a failure.
    """
    before = server.cpu_seconds() if server else 0.0
    done = subprocess.run(
        [sys.executable, "-m", "bench.load_client"],
        cwd=_ROOT,
        input=pickle.dumps(job),
        stdout=subprocess.PIPE,
        check=True,
    )
    seen: dict[str, Any] = json.loads(done.stdout)
    if server:
        seen["server_cpu_share"] = (server.cpu_seconds() - before) / seen["seconds"]
    statuses = set(seen["statuses"])
    failed = any(status >= "5" for status in statuses)
    if failed if expected is None else statuses != {str(expected)}:
        raise VoidRound(f"{seen['statuses']} where {expected} was expected")
    return seen


def request(
    method: str, path: str, *, body: Any = None, bearer: str = "", queue_token: str = ""
) -> bytes:
    """Return an HTTP/1.1 request as bytes."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"Authorization: Bearer {bearer}"] if bearer else []
    lines += [f"X-Queue-Token: {queue_token}"] if queue_token else []
    lines += ["Content-Type: application/json"] if content else []
    lines += [f"Content-Length: {len(content)}"] if method == "POST" else []
    return "\r\n".join([*lines, "", ""]).encode() + content
