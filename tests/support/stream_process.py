"""The live streams as a process before a stand-in for the API, whose documents a test writes."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx

from stack.service import HOST, free_ports, listens
from tests.support.small_server import served
from tests.support.waiting import await_that

ROOT = Path(__file__).resolve().parents[2]
# A process that lacks a guard: `hub.SLOW_SECONDS=1e9`, say.
_PROGRAM = """
import os
from stream import hub, rooms
from stream.__main__ import main

for change in filter(None, os.environ["WITHOUT"].split(",")):
    name, _, value = change.partition("=")
    module, _, constant = name.partition(".")
    setattr({"hub": hub, "rooms": rooms}[module], constant, float(value))
main()
"""


class Documents:
    """What the stand-in for the API answers: (status, document) by path; counts what is asked."""

    def __init__(self) -> None:
        self.url = ""
        self.by_path: dict[str, tuple[int, Any]] = {}
        self.asked: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self._moment = 0

    def set(self, path: str, document: Any, status: int = 200) -> None:
        """Let a path answer with a document of this moment, or with a refusal."""
        self._moment += 1
        as_of = f"2026-11-26T20:{self._moment // 60:02}:{self._moment % 60:02}.000Z"
        self.by_path[path] = (status, {"as_of": as_of, **document} if status == 200 else document)


class StreamProcess:
    """One process; a context that ends with it."""

    def __init__(self, source: str, *, without: str = "", **settings: int) -> None:
        self.port, self.metrics_port = free_ports(2)
        own = {f"STREAM_{name.upper()}": str(value) for name, value in settings.items()}
        self._environment = {**os.environ, "STREAM_SOURCE_URL": source, "WITHOUT": without, **own}
        self.http = httpx.Client(base_url=f"http://{HOST}:{self.port}", timeout=60, trust_env=False)

    def __enter__(self) -> "StreamProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()
        self.kill()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "--port", str(self.port),
             "--metrics-port", str(self.metrics_port)],
            env=self._environment, cwd=ROOT,
        )  # fmt: skip
        await_that(lambda: listens(self.port), "the streams listen", seconds=120)

    def stop(self) -> None:
        """Begin an orderly end."""
        self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.kill()
        self.process.wait()

    def counted(self, name: str) -> float:
        """Return a metric of the process, its labels summed up."""
        text = httpx.get(f"http://{HOST}:{self.metrics_port}/metrics", trust_env=False).text
        lines = [line for line in text.splitlines() if line.partition("{")[0].split()[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)


@contextmanager
def api_of_documents() -> Iterator[Documents]:
    """Serve documents as the API does."""
    documents = Documents()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            documents.asked[self.path] += 1
            documents.headers.append({name.lower(): value for name, value in self.headers.items()})
            missing = {"code": "performance_not_found", "status": 404}
            status, document = documents.by_path.get(self.path, (404, missing))
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            kind = "application/json" if status == 200 else "application/problem+json"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with served(Handler) as url:
        documents.url = url
        yield documents
