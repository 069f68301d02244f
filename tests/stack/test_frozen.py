"""A process that froze is taken out of the gateway; one that is busy, or dead, is not."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest

from stack.gateway import frozen
from stack.gateway.frozen import FrozenWatch
from stack.service import free_ports, listens
from tests.support.waiting import await_that

# Responds until it hears SIGUSR1; from then on its only thread computes.
_PROGRAM = """
import http.server, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
def compute(*_):
    while True:
        pass
signal.signal(signal.SIGUSR1, compute)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


class Watched:
    """A process on a port of its own."""

    name = "watched"

    def __init__(self) -> None:
        [self.port] = free_ports(1)
        argv = [sys.executable, "-c", _PROGRAM, str(self.port)]
        self.process = psutil.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid: int | None = self.process.pid
        await_that(lambda: listens(self.port), "it listens")

    def end(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self.process.kill()
            self.process.wait()


class Doors:
    """Remembers what was taken out and in."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def take_out(self, name: str) -> None:
        self.said.append(f"out {name}")

    def send_again_to(self, name: str) -> None:
        self.said.append(f"in {name}")


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.end()


def said_after(watched: Watched, happen: Callable[[], object]) -> list[str]:
    """Return what was said after something happened to a process that responded."""
    doors = Doors()
    watch = FrozenWatch(watched, doors)
    watch.look()
    assert doors.said == []
    happen()
    watch.look()
    watch.look()
    return doors.said


def test_one_that_froze_is_taken_out_once(watched):
    assert said_after(watched, watched.process.suspend) == ["out watched"]


def test_one_that_computes_is_left_in(watched):
    assert said_after(watched, lambda: watched.process.send_signal(signal.SIGUSR1)) == []


@pytest.mark.control
def test_control_by_its_silence_alone_a_busy_one_would_be_taken_out(watched, monkeypatch):
    monkeypatch.setattr(frozen, "_was_idle", lambda *_: True)
    busy = said_after(watched, lambda: watched.process.send_signal(signal.SIGUSR1))
    assert busy == ["out watched"]


def test_one_that_died_is_the_gateways_to_notice(watched):
    assert said_after(watched, watched.end) == []


def test_the_watch_notices_within_a_second_and_takes_it_in_again(watched):
    doors = Doors()
    watch = FrozenWatch(watched, doors)
    watch.start()
    try:
        watched.process.suspend()
        begun = time.monotonic()
        await_that(lambda: doors.said == ["out watched"], "it is taken out")
        assert time.monotonic() - begun < 5  # of a machine that does other work; a drill measures
        watched.process.resume()
        await_that(lambda: doors.said == ["out watched", "in watched"], "it is taken in again")
    finally:
        watch.stop()
