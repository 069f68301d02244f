"""The interface of a service: what the engine needs of everything it runs."""

import random
import signal
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from stack.process import Command

HOST = "127.0.0.1"
FREE_PORTS = range(20000, 32000)


class Service(ABC):
    """One process of a part: how to prepare, start, recognise as ready and stop it.

    `prepare`, `ready`, `settle` and `drain` may block and are called in a worker thread, one at a
    time.
    """

    name: str
    part: str
    # Names of services that must have been ready once before this one first starts.
    after: tuple[str, ...] = ()
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 5
    ready_seconds: float = 60
    # Where it writes JSON lines by itself, beside what it prints.
    log_files: tuple[Path, ...] = ()
    # Of the program that was started last.
    pid: int | None = None

    def prepare(self, failures: int) -> None:  # noqa: B027  (most need nothing)
        """Make what the program needs; `failures` counts the starts in a row without success."""

    @abstractmethod
    def command(self) -> Command | None:
        """Return the program to run, None where `prepare` was all there was to do."""

    def ready(self) -> bool:
        """Tell whether it does its work now (within about a second)."""
        return True

    def settle(self) -> None:  # noqa: B027  (most have nothing to settle)
        """Do what can only be done once it runs; it counts as ready after that."""

    def ended(self) -> None:  # noqa: B027  (most have nothing to end)
        """Let go of what `settle` began: the program has ended."""

    @property
    def reloads(self) -> bool:
        """Whether `reload` has anything to do."""
        return False

    def reload(self) -> None:  # noqa: B027  (most are simply started again)
        """Do its work by its configuration as it is now; raises StackError where it can't.

        May block, for a few seconds. What it was doing goes on.
        """

    @property
    def drains(self) -> bool:
        """Whether `drain` has anything to do."""
        return False

    def drain(self) -> None:  # noqa: B027  (most are simply stopped)
        """Be sent nothing more, before a planned stop. May block, for a few seconds."""

    def take(self, values: Mapping[str, str]) -> bool:
        """Give these variables to its next program, as far as it has them; return whether it has.

        What runs keeps those that it was started with.
        """
        return False

    def standing(self) -> str:
        """Say what a running one is among its like now (leader, replica), nothing where alone."""
        return ""

    def strays(self) -> Iterable[int]:
        """Return processes of its own that no longer descend from the one that was started."""
        return ()

    def sick(self) -> str | None:
        """Say why a running one needs a restart, asked every few seconds; None while it is well."""
        return None


def listens(port: int, timeout: float = 0.5) -> bool:
    """Tell whether something accepts connections on the local port."""
    with suppress(OSError), socket.create_connection((HOST, port), timeout):
        return True
    return False


def taken(port: int) -> bool:
    """Tell whether the local port can't be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def free_ports(count: int) -> list[int]:
    """Return local ports nobody listens on, all different.

    They lie below the range that outgoing connections take theirs from: a server that is stopped
    and started again finds its port still free.
    """
    candidates = iter(random.sample(FREE_PORTS, len(FREE_PORTS)))
    return [next(port for port in candidates if not taken(port)) for _ in range(count)]


def server_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return a small fixed environment: a server depends on nothing of the shell that began it."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC", **(extra or {})}
