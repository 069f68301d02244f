"""Faults during a rehearsal: a script of what breaks at which moment, and when it is mended."""

import os
import re
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from redis import Redis
from redis.exceptions import RedisError

from proof.rush.profiles import read_settings
from proof.rush.rehearsal import Rehearsal, RehearsalFailed

# How each is begun and mended, by the stack's own verbs; the others have ways of their own.
_VERBS = {"kill": ("kill", "start"), "stop": ("stop", "start"), "pause": ("pause", "resume")}
_WIPED = {"cache": "REDIS_CACHE_URL", "lock": "REDIS_LOCK_URL", "queue": "REDIS_QUEUE_URL"}
# The parts that these can be done to; all others can be done to each part.
_OF = {"wipe": tuple(_WIPED), "lag": ("replica",), "hang": ("sandbox",)}
# The payment gateway takes the money and says so too late, by its response and by its webhook:
# later than the site waits for it (`READ_SECONDS` in rehearsal.py), so nobody knows the outcome.
_OFTEN = 1_000_000
_HANG: tuple[dict[str, Any], ...] = (
    {"kind": "hang", "call": "confirm", "times": _OFTEN, "seconds": 4.0},
    {"kind": "webhook_reorder", "times": _OFTEN, "seconds": 6.0},
)
_CALL_SECONDS = 10.0
PARTS = (
    *("gateway", "api", "fastpath", "stream", "sandbox", "workers", "beat", "consumers"),
    *("flower", "mail", "primary", "replica", "cache", "lock", "queue", "broker", "kafka"),
)
RECOVERY_SECONDS = 10.0  # after a part was mended or wiped: until then 503 is no failure
NOT_BEGUN = "the sale was over before it"
_MOST = 50
_SHARE = re.compile(r"(100|[0-9]{1,2})%")
_LATEST, _LONGEST = 7_200.0, 600.0


class FaultScriptInvalid(ValueError):
    """The script cannot be carried out: a mistake on a command line, no API error."""


@dataclass(frozen=True, slots=True)
class RushFault:
    """One fault: `at` seconds after the opening, mended `seconds` later.

    `error`: why it did not happen, or was not mended. `recovered_after`: how many seconds after it
    was mended the last request failed; None where nobody has looked.
    """

    at: float
    do: str
    part: str
    seconds: float = 0.0
    error: str = ""
    recovered_after: float | None = None

    @property
    def ends(self) -> float:
        """When it is mended."""
        return self.at + self.seconds

    def as_json(self) -> dict[str, Any]:
        """Return every field."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ScriptMoment:
    """A time of a script: seconds, or a share of how long the sale is expected to go on."""

    seconds: float = 0.0
    share: float = 0.0

    def of(self, expected: float) -> float:
        """Return it in seconds, where a sale goes on for so many."""
        return round(self.seconds + self.share * expected, 2)


@dataclass(frozen=True, slots=True)
class ScriptedFault:
    """One line of a script."""

    at: ScriptMoment
    do: str
    part: str
    lasts: ScriptMoment = ScriptMoment()

    def timed(self, expected: float) -> RushFault:
        """Return it as a fault of a sale that goes on for so many seconds."""
        return RushFault(self.at.of(expected), self.do, self.part, self.lasts.of(expected))


def _shares(at: float, do: str, part: str, lasts: float = 0.0) -> ScriptedFault:
    return ScriptedFault(ScriptMoment(share=at), do, part, ScriptMoment(share=lasts))


# Of a sale of any length all begin while it runs.
DEFAULT_SCRIPT = (
    _shares(0.10, "hang", "sandbox", 0.45),
    _shares(0.10, "kill", "lock", 0.15),
    _shares(0.20, "wipe", "queue"),
    _shares(0.25, "lag", "replica", 0.20),
    _shares(0.30, "stop", "kafka", 0.20),
    _shares(0.45, "pause", "gateway", 0.04),
    _shares(0.50, "kill", "workers", 0.15),
)


def script_of(name: str) -> tuple[ScriptedFault, ...]:
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


def _fault(path: Path, number: int, row: Any) -> ScriptedFault:
    where = f"{path}: fault {number}"
    if not isinstance(row, dict) or not {"at", "do", "part"} <= row.keys():
        raise FaultScriptInvalid(f"{where}: it needs at, do and part")
    unknown = sorted(row.keys() - {"at", "do", "part", "seconds"})
    if unknown:
        raise FaultScriptInvalid(f"{where}: a fault has no {unknown[0]!r}")
    do, part = row["do"], row["part"]
    if do not in (*_VERBS, *_OF):
        raise FaultScriptInvalid(f"{where}: do must be one of {', '.join((*_VERBS, *_OF))}")
    allowed = _OF.get(do, PARTS)
    if part not in allowed:
        raise FaultScriptInvalid(f"{where}: {do} takes one of {', '.join(allowed)}")
    at, lasts = (
        _moment(f"{where}: {name}", row.get(name, 0), most)
        for name, most in (("at", _LATEST), ("seconds", _LONGEST))
    )
    return ScriptedFault(at, do, part, lasts)


def _moment(name: str, value: Any, most: float) -> ScriptMoment:
    """Return a number of seconds, or a share such as "25%" of the sale's expected length."""
    if isinstance(value, str) and _SHARE.fullmatch(value):
        return ScriptMoment(share=int(value[:-1]) / 100)
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise FaultScriptInvalid(f'{name} must be 0 to {most:g} seconds, or a share as in "25%"')
    return ScriptMoment(seconds=float(value))


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

    @property
    def is_over(self) -> bool:
        """Whether there was a script, and all of it has happened and is mended."""
        return 0 < len(self.script) == len(self.done)

    def end(self) -> None:
        """Begin no more, mend what is broken, and wait until that is done."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        self.done.sort(key=lambda fault: fault.at)

    def _carry_out(self, fault: RushFault, begun: float) -> None:
        if self._ending.wait(max(0.0, begun + fault.at - time.monotonic())):
            self.done.append(replace(fault, error=NOT_BEGUN))
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
            if fault.do == "hang":
                return self._hang(stage)
            if fault.do == "lag":
                return self._signal_replay(signal.SIGCONT if stage else signal.SIGSTOP)
            self.rehearsal.stack(_VERBS[fault.do][stage], fault.part)
        except (RehearsalFailed, RedisError, httpx.HTTPError, OSError) as error:
            return str(error).strip().splitlines()[-1][:200]
        return ""

    def _hang(self, stage: int) -> str:
        """Let the sandbox of the payment gateway hang (0), or respond at once again (1)."""
        environment = self.rehearsal.environment
        url = f"{environment['PAYMENT_GATEWAY_URL']}/sandbox/faults"
        login = (environment["PAYMENT_GATEWAY_SECRET"], "")
        with httpx.Client(auth=login, timeout=_CALL_SECONDS, trust_env=False) as sandbox:
            if stage:
                sandbox.delete(url).raise_for_status()
            else:
                for fault in _HANG:
                    sandbox.post(url, json=fault).raise_for_status()
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
