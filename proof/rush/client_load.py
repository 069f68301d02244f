"""How much of its machine the client took, and whether it kept its schedule."""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from proof.measures import latencies

_STAT = Path("/proc/stat")


class ClientLoad:
    """The processor time of this process by the second, and how late it sent what was due.

    A request that found no free connection was late by the server's doing, and counts only from
    the moment at which one was free.
    """

    def __init__(self) -> None:
        self._cpu = self._at = 0.0
        self._second = 0.0
        self._second_cpu = 0.0
        self._busiest = 0.0
        self._starved = 0.0
        self._lateness: list[float] = []
        self._machine = 0.0

    def begin(self) -> None:
        """Begin to measure."""
        self._machine = _machine_seconds()
        self._at = self._second = time.monotonic()
        self._cpu = self._second_cpu = time.process_time()

    def is_starved(self, now: float) -> None:
        """Note that something is due and no connection is free."""
        self._starved = now

    def sent(self, due: float, now: float) -> None:
        """Note that what was due is sent."""
        self._lateness.append(max(0.0, now - max(due, self._starved)))

    def answered(self, now: float) -> None:
        """Note that a response was taken."""
        if now - self._second >= 1:
            cpu = time.process_time()
            self._busiest = max(self._busiest, (cpu - self._second_cpu) / (now - self._second))
            self._second, self._second_cpu = now, cpu

    def figures(self, requests: int) -> dict[str, Any]:
        """Return shares of a core, lateness in ms and the microseconds a request took."""
        seconds = time.monotonic() - self._at
        cpu = time.process_time() - self._cpu
        late = latencies(self._lateness) if self._lateness else {"p99_ms": 0.0, "most_ms": 0.0}
        share = cpu / seconds if seconds else 0.0
        return {
            "requests": requests,
            "requests_per_second": requests / seconds if seconds else 0.0,
            "cpu_share": share,
            "machine_cores": (_machine_seconds() - self._machine) / seconds if seconds else 0.0,
            "busiest_share": max(self._busiest, share),
            "cpu_us_per_request": cpu / requests * 1e6 if requests else 0.0,
            "late_p99_ms": late["p99_ms"],
            "late_most_ms": late["most_ms"],
        }


def _machine_seconds() -> float:
    """Return the processor time that all processes of this machine took; 0 where it is not said."""
    with suppress(OSError):
        user, nice, system, _, _, irq, softirq, *_ = _STAT.read_text().split("\n", 1)[0].split()[1:]
        ticks = sum(map(int, (user, nice, system, irq, softirq)))
        return ticks / os.sysconf("SC_CLK_TCK")
    return 0.0
