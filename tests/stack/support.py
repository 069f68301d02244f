"""Tiny real services: Python one-liners in the place of servers."""

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from stack.engine import Engine
from stack.process import Command
from stack.service import Service
from stack.unit import Unit

FOREVER = "import time; time.sleep(600)"


class Script(Service):
    """A service whose program is a line of Python."""

    stop_seconds = 2
    ready_seconds = 5

    def __init__(self, name: str, code: str = FOREVER, after: tuple[str, ...] = ()) -> None:
        self.name = self.part = name
        self.code = code
        self.after = after
        self.prepared: list[int] = []
        self.settled = 0
        self.is_ready = True
        self.sickness: str | None = None
        self.prepare_error: Exception | None = None
        self.may_stop: threading.Event | None = None  # what draining waits for
        self.drained = 0
        self.reloads_to: Callable[[], None] | None = None  # what reloading does

    def prepare(self, failures: int) -> None:
        self.prepared.append(failures)
        if self.prepare_error:
            raise self.prepare_error

    def command(self) -> Command:
        return Command((sys.executable, "-c", self.code), {"PATH": "/usr/bin:/bin"}, Path("/"))

    def ready(self) -> bool:
        return self.is_ready

    def settle(self) -> None:
        self.settled += 1

    @property
    def drains(self) -> bool:
        return self.may_stop is not None

    @property
    def reloads(self) -> bool:
        return self.reloads_to is not None

    def reload(self) -> None:
        if self.reloads_to:
            self.reloads_to()

    def drain(self) -> None:
        if self.may_stop:
            assert self.may_stop.wait(10)
            self.drained += 1

    def sick(self) -> str | None:
        return self.sickness


class Clock:
    """Time that a test can move on beside the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.monotonic() + self.ahead


class Stage:
    """An engine stepped until what a test waits for has happened."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock

    def unit(self, name: str) -> Unit:
        return self.engine.units[name]

    def start(self, name: str, *, wait: bool = False) -> Unit:
        self.unit(name).start(self.clock.now(), wait=wait)
        return self.unit(name)

    def until(self, condition: Callable[[], object], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            states = {
                unit.name: (unit.state, unit.last_error) for unit in self.engine.units.values()
            }
            assert time.monotonic() < deadline, states
            self.engine.tick(self.clock.now())
            time.sleep(0.005)
