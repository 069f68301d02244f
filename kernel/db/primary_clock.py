"""The difference between this host's clock and the primary's (Note [One clock], kernel/clock.py).

Note [Measuring the primary]
A round trip for `clock_timestamp()` returns where the primary's clock stood at some moment between
sending and receiving, so the difference of the clocks lies in an interval as wide as the round trip
(F. Cristian, 1989). Intervals of successive round trips are intersected (K. Marzullo, 1984) after
widening the known one by what clocks may have drifted meanwhile: a slow round trip changes nothing,
a quick one narrows it, and the middle is never further from the truth than half the width. Where
two intervals have nothing in common, a clock has jumped, and the new one counts alone. With the
primary unreachable the last interval holds and only widens with its age.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import psycopg
from django.conf import settings
from prometheus_client import Counter, Gauge

from kernel.db.dedicated import dedicated_connection

log = logging.getLogger(__name__)

DRIFT = 0.001  # seconds a second: NTP slews two clocks apart by no more than this
HOST_JUMP_SECONDS = 0.5  # a step of the host's own clock worth a line in the log
_RETRY_SECONDS = 1.0
_FIRST_SECONDS = 3.0  # how long a process waits for its first measurement
_RESPONSE_TIMEOUT = 2.0  # seconds; a slower reply would narrow nothing

distance = Gauge(
    "frontrow_clock_offset_seconds",
    "How far this host's clock is from the primary's, whichever is ahead",
    multiprocess_mode="livemax",
)
uncertainty = Gauge(
    "frontrow_clock_error_seconds",
    "The most by which the measured distance to the primary's clock may be wrong",
    multiprocess_mode="livemax",
)
jumps = Counter(
    "frontrow_clock_jumps_total", "Steps of a clock: the host's own or the primary's", ["clock"]
)
failures = Counter(
    "frontrow_clock_refresh_failures_total", "Times the primary's clock could not be measured"
)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Where the difference of two clocks lies, in seconds, as known at the steady time `at`."""

    low: float
    high: float
    at: float

    @classmethod
    def of_round_trip(cls, sent: float, theirs: float, received: float) -> "Estimate":
        """Return what one round trip says: `theirs` was read between `sent` and `received`."""
        return cls(theirs - received, theirs - sent, received)

    @property
    def difference(self) -> float:
        """The best guess: never further from the truth than half the interval."""
        return (self.low + self.high) / 2

    def error(self, at: float) -> float:
        """Return by how much `difference` may be wrong at the steady time `at`."""
        return (self.high - self.low) / 2 + DRIFT * max(0.0, at - self.at)

    def narrowed_by(self, other: "Estimate") -> "Estimate | None":
        """Return what both say at the time of the later `other`; None where they contradict."""
        drifted = DRIFT * max(0.0, other.at - self.at)
        low, high = max(self.low - drifted, other.low), min(self.high + drifted, other.high)
        return Estimate(low, high, other.at) if low <= high else None


class PrimaryClock:
    """This process's knowledge of the primary's clock, kept fresh by a thread of its own.

    `round_trip` makes one to the primary. `steady` never jumps; `host` is the clock that NTP sets:
    both in seconds, the latter since the Unix epoch.
    """

    def __init__(
        self,
        *,
        round_trip: Callable[[], Estimate],
        steady: Callable[[], float],
        host: Callable[[], float],
    ) -> None:
        self._round_trip, self._steady, self._host = round_trip, steady, host
        self._estimate: Estimate | None = None
        self._base: float | None = None  # the primary's clock minus the steady one
        self._host_base = host() - steady()
        self._failing = False
        self._thread: threading.Thread | None = None
        self.begin_process()

    def begin_process(self) -> None:
        """Start over after a fork: what is known still holds, the thread is the parent's."""
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._tried_once = threading.Event()
        self._started = False

    def present(self) -> float | None:
        """Return the primary's time; None until it has been measured. Never raises."""
        if not self._started:
            self._start()
        base = self._base
        return None if base is None else self._steady() + base

    def offset(self) -> float | None:
        """Return by how much the primary's clock is ahead of the host's at this moment."""
        base = self._base
        return None if base is None else self._steady() + base - self._host()

    def error(self) -> float:
        """Return by how much `offset` may be wrong; infinite before the first measurement."""
        estimate = self._estimate
        return float("inf") if estimate is None else estimate.error(self._steady())

    def measure(self) -> None:
        """Measure the primary's clock once; raises what the database raises."""
        self._learn(self._round_trip())

    def stop(self) -> None:
        """Measure no more in this process, whose database is about to go."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _learn(self, measured: Estimate) -> None:
        self._look_at_the_host()
        known = self._estimate
        estimate = known.narrowed_by(measured) if known else measured
        if estimate is None and known is not None:
            jumps.labels("primary").inc()
            step = measured.difference - known.difference
            log.warning("the primary's clock jumped", extra={"seconds": round(step, 3)})
        self._estimate = estimate or measured
        self._base = self._estimate.difference
        distance.set(abs(self.offset() or 0.0))
        uncertainty.set(self.error())

    def _look_at_the_host(self) -> None:
        """Report a step of the host's clock: it moves no deadline, but the times of log lines."""
        base = self._host() - self._steady()
        step = base - self._host_base
        self._host_base = base
        if abs(step) > HOST_JUMP_SECONDS:
            jumps.labels("host").inc()
            log.warning("the host's clock jumped", extra={"seconds": round(step, 3)})

    def _start(self) -> None:
        """Let a thread measure, once a process; wait for its first try, but not for ever."""
        with self._starting:
            if not self._started and self._thread_is_gone():
                self._thread = threading.Thread(
                    target=self._keep_fresh, name="primary-clock", daemon=True
                )
                self._thread.start()
        if threading.current_thread() is not self._thread:
            self._tried_once.wait(_FIRST_SECONDS if self._base is None else 0)
            self._started = True

    def _thread_is_gone(self) -> bool:
        return self._thread is None or not self._thread.is_alive()

    def _keep_fresh(self) -> None:
        while not self._stopping.is_set():
            succeeded = self._try_to_measure()
            self._tried_once.set()
            self._stopping.wait(settings.CLOCK_REFRESH_SECONDS if succeeded else _RETRY_SECONDS)

    def _try_to_measure(self) -> bool:
        try:
            self.measure()
        except Exception as error:
            # The thread must outlive whatever this was.
            failures.inc()
            if self._estimate is not None:
                uncertainty.set(self.error())
            if not self._failing:  # once: it may go on for long
                unreachable = isinstance(error, psycopg.Error)
                log.warning(
                    "the primary's clock was not measured: %s", error, exc_info=not unreachable
                )
            self._failing = True
            return False
        else:
            self._failing = False
            return True


# In seconds; Linux has one that goes on while the machine is suspended.
_steady = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _round_trip_to_the_primary() -> Estimate:
    """Make one round trip over a connection of its own; the pool is for those who are awaited."""
    with dedicated_connection(
        application="frontrow-clock", response_timeout=_RESPONSE_TIMEOUT
    ) as primary:
        sent = _steady()
        [theirs] = primary.execute("SELECT clock_timestamp()").fetchone() or [None]
        assert isinstance(theirs, datetime)
        return Estimate.of_round_trip(sent, theirs.timestamp(), _steady())


_clock = PrimaryClock(round_trip=_round_trip_to_the_primary, steady=_steady, host=time.time)
os.register_at_fork(after_in_child=_clock.begin_process)

present = _clock.present
offset = _clock.offset
error = _clock.error
stop = _clock.stop
