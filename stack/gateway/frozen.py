"""Processes behind the gateway that have frozen: they are taken out until they respond again.

Note [Frozen or busy]
A connection to a frozen process is accepted, by the kernel, and then nothing comes. The gateway
alone would notice when a request has waited in vain for seconds; were it less patient, it would
give up processes that are merely busy, in the second in which all fans come. Both leave a probe
without an answer. But a busy process computes, or waits for a processor, and a frozen one does
neither. Such a one is taken out by its file (Note [Drained servers]); what was sent to it waits.
"""

import http.client
import logging
import threading
import time
from contextlib import suppress
from typing import Protocol

import psutil

from stack.service import HOST

log = logging.getLogger("stack")

PROBE_SECONDS = 0.25  # without an answer
PAUSE_SECONDS = 0.1
# Of a processor, while a probe is under way: clocks and copies that are kept fresh cost less.
_IDLE_SHARE = 0.06


class WatchedProcess(Protocol):
    """A process that responds to probes on its port."""

    name: str
    port: int
    pid: int | None


class TakesOut(Protocol):
    """The gateway, as far as it is asked to leave out a server."""

    def take_out(self, name: str) -> None: ...

    def send_again_to(self, name: str) -> None: ...


class FrozenWatch:
    """Takes a process out of the gateway while it is frozen; runs in a thread until `stop`."""

    def __init__(self, watched: WatchedProcess, gateway: TakesOut) -> None:
        self._watched = watched
        self._gateway = gateway
        self._is_frozen = False
        self._ended = threading.Event()
        self._connection = http.client.HTTPConnection(HOST, watched.port, timeout=PROBE_SECONDS)
        self._thread = threading.Thread(target=self._run, name=f"watch-{watched.name}", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        self._ended.set()
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            self.look()

    def look(self) -> None:
        """Probe the process once, and take it out or in where that has changed."""
        pid = self._watched.pid
        begun, before = time.monotonic(), _computed(pid)
        responds = self._responds()
        if responds:
            if self._is_frozen:
                self._is_frozen = False
                log.warning("%s responds again", self._watched.name)
                self._gateway.send_again_to(self._watched.name)
        elif not self._is_frozen and _was_idle(pid, before, time.monotonic() - begun):
            self._is_frozen = True
            log.warning("%s is frozen: the gateway sends it nothing", self._watched.name)
            self._gateway.take_out(self._watched.name)

    def _responds(self) -> bool:
        try:
            self._connection.request("GET", "/healthz/live")
            with self._connection.getresponse() as response:
                response.read()
                return response.status == 200
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False


def _computed(pid: int | None) -> float | None:
    """Return how long a process has computed, in s; None where there is none."""
    if pid is not None:
        with suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            return float(times.user + times.system)
    return None


def _was_idle(pid: int | None, before: float | None, seconds: float) -> bool:
    """Say whether a process that lives computed nothing in the last `seconds`, nor wanted to.

    One that refuses connections does so at once: it has not frozen.
    """
    after = _computed(pid)
    if before is None or after is None or pid is None or seconds < PROBE_SECONDS:
        return False
    with suppress(psutil.Error):
        wants_to = psutil.Process(pid).status() in {psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP}
        return not wants_to and after - before <= _IDLE_SHARE * seconds
    return False
