"""A stack that belongs to one rehearsal: its own folder, ports, databases, Valkeys and topics.

It is started as `make run` starts one, by the stack's command line, and differs in what a site's
operator may choose: the ports, that the gateway believes the client which address a fan has, and
the rate limits of production instead of those for developers, and how long a payment gateway may
take. Dropping it leaves nothing.
"""

import json
import os
import random
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
PREFIX = "frontrow-rush-"  # of the folder
_STACK = (sys.executable, "-m", "stack")
_UP_SECONDS, _DOWN_SECONDS = 300.0, 60.0
_LOOK_SECONDS = 0.5
READ_SECONDS = "2"
# Below the ports that the kernel gives to outgoing connections.
_PORTS, _PORT_COUNT, _ATTEMPTS = (20_000, 31_000), 100, 3
_FROM_OUTSIDE = ("FRONTROW_", "PAYMENT_")  # beginnings of variables that lead to other servers


class RehearsalFailed(Exception):
    """The rehearsal could not be carried out; the message ends with what its log said."""


class Rehearsal:
    """One stack, from `start` to `drop`; `drop` may be called at any time, and again.

    `profile` is one of the stack's, `observe` adds what observes it; `code` is the folder of the
    product that it runs.
    """

    def __init__(
        self,
        *,
        keep: bool = False,
        profile: str = "plain",
        observe: bool = False,
        code: Path = ROOT,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        self.site = self.folder / "site"
        self._keep = keep
        self._kind = ("--profile", profile, *(["--observe"] if observe else []))
        self._code = code
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._log = self.folder / "stack.log"
        self.environment: dict[str, str] = {}

    def start(self, progress: Callable[[str], None]) -> None:
        """Start every part and wait until all are ready.

        `progress` gets a sentence now and then. Raises `RehearsalFailed`.
        """
        self._share_downloads()
        own = self._own_environment()
        for attempt in range(1, _ATTEMPTS + 1):
            own["FRONTROW_PORT_BASE"] = str(_free_base())
            self._supervise(own)
            if self._becomes_ready(own, progress):
                break
            if attempt == _ATTEMPTS or "is taken" not in self._said():
                raise RehearsalFailed(f"the stack does not start:\n{self._said()}")
        words = shlex.split(self._run([*_STACK, "env"], own, 60.0))
        exported = dict(word.split("=", 1) for word in words if word != "export")
        self.environment = {**own, **exported}

    def _own_environment(self) -> dict[str, str]:
        """Return this process's variables without those that lead to a stack."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(_FROM_OUTSIDE)
        }
        own = {
            "FRONTROW_DATA": str(self.site),
            "FRONTROW_TRUSTED_PROXIES": "127.0.0.1/32",
            # A payment gateway that hangs for seconds leaves outcomes open while the sale runs.
            "PAYMENT_GATEWAY_READ_SECONDS": READ_SECONDS,
            "RATE_LIMITS": ",".join(
                f"{route}={rate}"
                for route, rate in settings.DEFAULT_RATE_LIMITS.items()
                if " " not in rate  # those of a person; each fan has a client IP
            ),
        }
        words = shlex.split(self._run([*_STACK, "env"], {**inherited, **own}, 60.0))
        led = {word.split("=", 1)[0] for word in words if word != "export"}
        return {name: value for name, value in inherited.items() if name not in led} | own

    def _share_downloads(self) -> None:
        """Let it find what earlier starts on this machine fetched (Kafka, nginx)."""
        data = os.environ.get("FRONTROW_DATA")
        shared = (Path(data) if data else ROOT / ".data") / "downloads"
        shared.mkdir(parents=True, exist_ok=True)
        self.site.mkdir(mode=0o700)
        self.folder.chmod(0o711)  # root's servers run as another user, who passes through
        (self.site / "downloads").symlink_to(shared.absolute())

    def _supervise(self, environment: Mapping[str, str]) -> None:
        """Start the supervisor; unless the stack is kept it ends when this process does."""
        until = () if self._keep else ("--while-parent-runs", str(os.getpid()))
        with self._log.open("wb") as output:
            self._supervisor = subprocess.Popen(  # noqa: S603  (ours)
                [*_STACK, "up", *self._kind, *until],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._code,
                env=dict(environment),
                start_new_session=True,  # Ctrl-C is for us, who stop it in order
            )

    def _becomes_ready(self, environment: dict[str, str], progress: Callable[[str], None]) -> bool:
        supervisor, until = self._supervisor, time.monotonic() + _UP_SECONDS
        shown = ""
        while supervisor is not None and supervisor.poll() is None:
            if time.monotonic() > until:
                raise RehearsalFailed(f"the stack is not up after {_UP_SECONDS:.0f} s")
            last = self._said(1)
            if last != shown:
                shown = last
                progress(last.removeprefix("stack: "))
            with suppress(RehearsalFailed, ValueError):
                if (self.site / "run" / "control.sock").exists() and self._is_complete(environment):
                    return True
            time.sleep(_LOOK_SECONDS)
        return False

    def _is_complete(self, environment: dict[str, str]) -> bool:
        status = json.loads(self._run([*_STACK, "status", "--json"], environment, 20.0))
        return bool(status.get("complete"))

    def _said(self, lines: int = 30) -> str:
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    # --- commands on the running stack

    @property
    def port(self) -> int:
        """The port of its one entry."""
        return urlsplit(self.environment["FRONTROW_URL"]).port or 80

    @property
    def gateway_port(self) -> int:
        """The port of the payment gateway's sandbox; 0 where the stack has none."""
        if self.environment.get("PAYMENT_GATEWAY") != "sandbox":
            return 0
        return urlsplit(self.environment["PAYMENT_GATEWAY_URL"]).port or 80

    def stack(self, *words: str, seconds: float = 200.0) -> str:
        """Run `python -m stack` on it; raises `RehearsalFailed` with what it said."""
        return self._run([*_STACK, *words], self.environment, seconds)

    def manage(self, *words: str, text: str = "", seconds: float = 600.0) -> str:
        """Run `manage.py` on it with `text` as its input; raises `RehearsalFailed`."""
        command = [sys.executable, "manage.py", *words]
        return self._run(command, self.environment, seconds, text)

    def audit(self, *words: str) -> dict[str, Any]:
        """Return the report of `manage.py audit`, whatever it found."""
        command = [sys.executable, "manage.py", "audit", "--json", *words]
        printed = self._run(command, self.environment, 600.0, codes=(0, 1, 2))
        found: dict[str, Any] = json.loads(printed)
        return found

    def client(self, folder: Path) -> subprocess.Popen[str]:
        """Start the fans' client on a folder; what it prints is its progress."""
        return subprocess.Popen(  # noqa: S603  (ours)
            [sys.executable, "-m", "proof.rush.client", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _run(
        self,
        command: list[str],
        environment: Mapping[str, str],
        seconds: float,
        text: str = "",
        codes: tuple[int, ...] = (0,),
    ) -> str:
        try:
            done = subprocess.run(  # noqa: S603  (ours)
                command,
                cwd=self._code,
                env=dict(environment),
                input=text,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise RehearsalFailed(f"{' '.join(command[1:4])} takes over {seconds:.0f} s") from None
        if done.returncode not in codes:
            raise RehearsalFailed(f"{' '.join(command[1:4])}: {done.stderr[-2000:]}")
        return done.stdout

    # --- the end

    @property
    def is_kept(self) -> bool:
        """Whether `drop` leaves it running: it was to be kept, and has started."""
        return self._keep and bool(self.environment)

    def drop(self) -> None:
        """Stop every process and remove the folder; a stack that is kept goes on."""
        if self.is_kept:
            return
        supervisor = self._supervisor
        if supervisor is not None and supervisor.poll() is None:
            supervisor.terminate()
            try:
                supervisor.wait(_DOWN_SECONDS)
            except subprocess.TimeoutExpired:
                supervisor.kill()
                supervisor.wait()
        if self.site.exists():
            # Ends what a killed supervisor left behind, and knows where the servers' data is.
            leaving = {**os.environ, **self.environment, "FRONTROW_DATA": str(self.site)}
            with suppress(RehearsalFailed):
                self._run([*_STACK, "reset", "--all"], leaving, _DOWN_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_base() -> int:
    """Return a port that is free, as are those behind it that a stack takes."""
    while True:
        base = random.randrange(*_PORTS, _PORT_COUNT)  # noqa: S311  (no secret)
        if all(_is_free(port) for port in range(base, base + _PORT_COUNT)):
            return base


def _is_free(port: int) -> bool:
    with socket.socket() as one, suppress(OSError):
        one.bind(("127.0.0.1", port))
        return True
    return False
