"""Faults during a rehearsal: a script of what breaks at which second, and when it is mended."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from proof.rush.profiles import read_settings
from proof.rush.rehearsal import Rehearsal, RehearsalFailed

# How each is begun and mended, by the stack's own verbs; wipe and lag have ways of their own.
_VERBS = {"kill": ("kill", "start"), "stop": ("stop", "start"), "pause": ("pause", "resume")}
_WIPED = {"cache": "REDIS_CACHE_URL", "lock": "REDIS_LOCK_URL", "queue": "REDIS_QUEUE_URL"}
PARTS = (
    *("gateway", "api", "fastpath", "sandbox", "workers", "beat", "consumers", "flower", "mail"),
    *("primary", "replica", "cache", "lock", "queue", "broker", "kafka"),
)
RECOVERY_SECONDS = 10.0  # after a part was mended or wiped: until then 503 is no failure
_NOT_BEGUN = "the sale was over before it"
_MOST = 50
_LATEST, _LONGEST = 7_200.0, 600.0


class FaultScriptInvalid(ValueError):
    """The script cannot be carried out: a mistake on a command line, no API error."""


@dataclass(frozen=True, slots=True)
class RushFault:
    """One fault: `at` seconds after the opening, mended `seconds` later.

    `error`: why it did not happen, or was not mended.
    """

    at: float
    do: str
    part: str
    seconds: float = 0.0
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return every field."""
        return {name: getattr(self, name) for name in ("at", "do", "part", "seconds", "error")}


DEFAULT_SCRIPT = (
    RushFault(3.0, "kill", "lock", 5.0),
    RushFault(6.0, "wipe", "queue"),
    RushFault(8.0, "lag", "replica", 8.0),
    RushFault(10.0, "stop", "kafka", 8.0),
    RushFault(12.0, "pause", "gateway", 1.5),
    RushFault(14.0, "pause", "sandbox", 5.0),
    RushFault(15.0, "kill", "workers", 6.0),
)


def script_of(name: str) -> tuple[RushFault, ...]:
    """Return `default`, or the script of a .toml or .json file; raises `FaultScriptInvalid`."""
    if name == "default":
        return DEFAULT_SCRIPT
    path = Path(name)
    if path.suffix not in (".toml", ".json"):
        raise FaultScriptInvalid(f"{name!r} is neither default nor a .toml or .json file")
    values = read_settings(path, FaultScriptInvalid)
    rows = values.get("fault")
    if values.keys() != {"fault"} or not isinstance(rows, list) or not 0 < len(rows) <= _MOST:
        raise FaultScriptInvalid(f"{path}: it must be a list of 1 to {_MOST} `fault` and no more")
    return tuple(_fault(path, number, row) for number, row in enumerate(rows, 1))


def _fault(path: Path, number: int, row: Any) -> RushFault:
    where = f"{path}: fault {number}"
    if not isinstance(row, dict) or not {"at", "do", "part"} <= row.keys():
        raise FaultScriptInvalid(f"{where}: it needs at, do and part")
    unknown = sorted(row.keys() - {"at", "do", "part", "seconds"})
    if unknown:
        raise FaultScriptInvalid(f"{where}: a fault has no {unknown[0]!r}")
    do, part = row["do"], row["part"]
    if do not in (*_VERBS, "wipe", "lag"):
        raise FaultScriptInvalid(f"{where}: do must be {', '.join(_VERBS)}, wipe or lag")
    allowed = {"wipe": tuple(_WIPED), "lag": ("replica",)}.get(do, PARTS)
    if part not in allowed:
        raise FaultScriptInvalid(f"{where}: {do} takes one of {', '.join(allowed)}")
    for name, most in (("at", _LATEST), ("seconds", _LONGEST)):
        value = row.get(name, 0)
        if type(value) not in (int, float) or not 0 <= value <= most:
            raise FaultScriptInvalid(f"{where}: {name} must be 0 to {most:g} seconds")
    return RushFault(float(row["at"]), do, part, float(row.get("seconds", 0)))


@dataclass
class FaultRun:
    """Carries a script out beside a running sale, each fault in a thread of its own."""

    rehearsal: Rehearsal
    script: Sequence[RushFault]
    done: list[RushFault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, begun: float) -> None:
        """Begin; `begun` is the opening by the machine's monotonic clock."""
        for fault in self.script:
            thread = threading.Thread(target=self._carry_out, args=(fault, begun))
            thread.start()
            self._threads.append(thread)

    def end(self) -> None:
        """Begin no more, mend what is broken, and wait until that is done."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        self.done.sort(key=lambda fault: fault.at)

    def _carry_out(self, fault: RushFault, begun: float) -> None:
        if self._ending.wait(max(0.0, begun + fault.at - time.monotonic())):
            self.done.append(replace(fault, error=_NOT_BEGUN))
            return
        began = time.monotonic()
        error = self._attempt(fault, 0)
        self._ending.wait(fault.seconds)
        error = self._attempt(fault, 1) or error
        lasted = time.monotonic() - began
        self.done.append(
            replace(fault, at=round(began - begun, 1), seconds=round(lasted, 1), error=error)
        )

    def _attempt(self, fault: RushFault, stage: int) -> str:
        """Begin (0) or mend (1) a fault; return why that failed, "" where it did not."""
        try:
            if fault.do == "wipe":
                return "" if stage else self._wipe(fault.part)
            if fault.do == "lag":
                return self._signal_replay(signal.SIGCONT if stage else signal.SIGSTOP)
            self.rehearsal.stack(_VERBS[fault.do][stage], fault.part)
        except (RehearsalFailed, RedisError, OSError) as error:
            return str(error).strip().splitlines()[-1][:200]
        return ""

    def _wipe(self, part: str) -> str:
        with Redis.from_url(self.rehearsal.environment[_WIPED[part]]) as server:
            server.flushall()
            server.function_flush()
        return ""

    def _signal_replay(self, number: signal.Signals) -> str:
        """Freeze or wake the one process of the replica that applies what the primary wrote."""
        folder = str(self.rehearsal.site)
        found = False
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
                above = (Path("/proc") / parent / "cmdline").read_text()
                if words.startswith(b"postgres: startup") and folder in above:
                    os.kill(int(entry.name), number)
                    found = True
        return "" if found else "no process that replays was found"
