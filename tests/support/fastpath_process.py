"""The service `fastpath` as a process on the test's databases: asked, frozen, killed amid a batch.

Where it hangs, or which guard it lacks, is said by variables of its environment; the product knows
nothing of them.
"""

import json
import signal
import subprocess
import sys
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from threading import Semaphore
from typing import Any

from django.db import connections
from rest_framework.test import APIClient

from accounts.models import User
from stack.service import HOST, free_ports, listens
from tests.support.children import await_children_gone, child_environment
from tests.support.waiting import await_that
from tests.support.wsgi import HOLDS, bearer

ROOT = Path(__file__).resolve().parents[2]
# The moments of a batch of holds at which the service can be stopped.
CLAIMED, WRITTEN, COMMITTED, PUBLISHED = "claimed", "written", "committed", "published"
# Guards that it can be started without.
ROWS, CLAIMS_END = "rows", "claims-end"

# At each of the points, one after the other, it says "reached N" on its output, for a batch of N,
# and goes on once it reads a line.
_PROGRAM = """
import os
import sys
from fastpath.__main__ import main
from reservations import locking, policy
from reservations.availability import FREE
from reservations.claims import ClaimResult, Verdict, seat_claims
from reservations.operations import holds as writes
from reservations.usecases.holds import batches, transaction

points, without = os.environ["HANG_AT"].split(), os.environ["WITHOUT"]

def hang(here, turns):
    if here and turns and points[:1] in ([here], [f"{here}:{len(turns)}"]):
        del points[0]
        print("reached", len(turns), flush=True)
        sys.stdin.readline()

def around(place, name, turns_of, before="", after=""):
    whole = getattr(place, name)
    def wrapped(*arguments, **more):
        hang(before, turns_of(*arguments))
        result = whole(*arguments, **more)
        hang(after, turns_of(*arguments))
        return result
    setattr(place, name, wrapped)

batch = transaction.BatchTransaction
around(batch, "carry_out", lambda self: self.turns, before="claimed", after="committed")
around(batch, "_write", lambda self, winners, expired: winners, after="written")
around(batches, "_publish", lambda turns, *_: turns, after="published")
if without == "claims-end":
    policy.CLAIM_MS = 3_600_000
if without == "rows":
    free = FREE.replace("%(now)s", "%s")
    assert free in writes._TAKE
    writes._TAKE = writes._TAKE.replace(free, "%s::timestamptz IS NOT NULL")
    locking.LockedRow.is_free = lambda self, now: True
    result = ClaimResult(Verdict.SKIPPED)  # nor does the gate keep rivals apart
    seat_claims.claim_many = lambda *, requests, **_: [result] * len(requests)
main()
"""


class Sent:
    """A request under way on a connection of its own."""

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def answer(self) -> tuple[int, dict[str, Any]] | None:
        """Return the status and the document; None where the service went without an answer."""
        try:
            return _read(self._connection.getresponse())
        except (OSError, HTTPException):
            return None
        finally:
            self.close()

    def close(self) -> None:
        """Read no answer any more."""
        self._connection.close()


class FastPathProcess:
    """One service; a context that ends with it."""

    def __init__(self, *, hang_at: str = "", without: str = "", **environment: str) -> None:
        """Prepare it; `hang_at`: points with blanks between, `committed:4` for a batch of 4."""
        [self.port] = free_ports(1)
        self._environment = child_environment(
            DJANGO_SETTINGS_MODULE="config.settings.test",
            LOG_LEVEL="ERROR",
            HANG_AT=hang_at,
            WITHOUT=without,
            **environment,
        )
        self._process: subprocess.Popen[str] | None = None
        self._sent: list[Sent] = []

    def __enter__(self) -> "FastPathProcess":
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "--port", str(self.port)],
            env=self._environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        await_that(lambda: listens(self.port), "the service listens", seconds=60)
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for sent in self._sent:
            sent.close()
        await_children_gone()

    @property
    def process(self) -> "subprocess.Popen[str]":
        assert self._process is not None
        return self._process

    # --- what happens to it

    def kill(self) -> None:
        """End it by SIGKILL, whether or not it is frozen."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def reached(self) -> int:
        """Wait until it hangs where it should; return how many are in the batch."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline().split()
        assert said[:1] == ["reached"], "it has ended"
        return int(said[1])

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    # --- what it is asked

    def send_at_once(self, requests: list[tuple[User, str, dict[str, Any] | None]]) -> list[Sent]:
        """Let POSTs of these fans arrive, each on a connection of its own, and be read."""
        found = []
        for fan, path, body in requests:
            connection = HTTPConnection(HOST, self.port, timeout=60)
            headers = {"Authorization": bearer(fan), "Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body or {}), headers)
            found.append(Sent(connection))
        self._sent += found
        return found

    def await_read(self) -> None:
        """Wait until the loop has read what was sent: who comes later is answered later."""
        for _ in range(3):
            last = HTTPConnection(HOST, self.port, timeout=60)
            last.request("GET", "/healthz/live")
            assert _read(last.getresponse())[0] == 200
            last.close()

    def in_one_batch(self, plug: Any, requests: list[tuple[User, str, Any]]) -> list[Sent]:
        """Send holds that wait behind a hanging batch of one, `plug`, and so make up the next.

        The first of its points has to be `claimed:1`, for the plug, and the other one theirs.
        """
        self.send_at_once([plug])
        assert self.reached() == 1
        sent = self.send_at_once(requests)
        self.await_read()
        self.go_on()
        assert self.reached() == len(requests)
        return sent

    def send(self, fan: User, path: str, body: dict[str, Any] | None = None) -> Sent:
        [sent] = self.send_at_once([(fan, path, body)])
        return sent


def hold_of(fan: User, performance: Any, seats: list[Any]) -> tuple[User, str, dict[str, Any]]:
    """Return what a fan sends to hold seats."""
    named = [str(seat) for seat in seats]
    return fan, HOLDS, {"performance_id": str(performance.pk), "seat_ids": named}


class ThroughService:
    """A client that asks the service first, as the gateway does, and the API what is handed over.

    It looks like the test client of the API, of which as many are served at once as `api_threads`
    lets through.
    """

    def __init__(self, service: FastPathProcess, api: APIClient, api_threads: Semaphore) -> None:
        self._api, self._headers = api, {"Authorization": api._credentials["HTTP_AUTHORIZATION"]}
        self._api.raise_request_exception = False
        self._api_threads = api_threads
        self._connection = HTTPConnection(HOST, service.port, timeout=60)
        self.answered = 0

    def post(self, path: str, body: dict[str, Any] | None = None, **options: Any) -> Any:
        return self._send("POST", path, body, options)

    def delete(self, path: str, body: dict[str, Any] | None = None, **options: Any) -> Any:
        return self._send("DELETE", path, body, options)

    def _send(self, method: str, path: str, body: Any, options: dict[str, Any]) -> Any:
        headers = {**self._headers, **options.get("headers", {})}
        content = None if body is None else json.dumps(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        self._connection.request(method, path, content, headers)
        response = self._connection.getresponse()
        if response.getheader("X-Accel-Redirect") == "@api":
            response.read()
            with self._api_threads:
                answer = getattr(self._api, method.lower())(path, body, format="json", **options)
                connections.close_all()  # as after each request
            return answer
        self.answered += 1
        return _Answer(*_read(response))

    def close(self) -> None:
        self._connection.close()


class _Answer:
    def __init__(self, status_code: int, document: dict[str, Any]) -> None:
        self.status_code, self._document = status_code, document

    def json(self) -> dict[str, Any]:
        return self._document


def _read(response: HTTPResponse) -> tuple[int, dict[str, Any]]:
    content = response.read()
    return response.status, json.loads(content) if content else {}
