"""The gateway, and Frontrow's processes behind it: the API, and the service fastpath."""

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from stack.application import (
    ALLOCATOR,
    API_BACKLOG,
    PYTHON,
    Program,
    environment_of_processes,
    is_alive,
)
from stack.data_dir import DataDir
from stack.gateway import NginxGateway, Upstreams
from stack.gateway.frozen import FrozenWatch
from stack.profiles import Profile
from stack.service import HOST
from stack.settings import gateway_options

# Threads of a worker process; as many as the database pool of a process has connections.
API_THREADS = 8
RELOAD = ("--reload", "--reload-ignore-dirs", ".data", "--reload-ignore-dirs", ".venv")
WATCH = (PYTHON, "-m", "watchfiles", "--filter", "python", "--ignore-paths", ".data,.venv")
# Processes of the service by kind, and the routes of each (Note [Two processes] in
# fastpath/service.py).
FASTPATH = {"fastpath": "waiting-room", "fastpath-sale": "sale"}


class BehindGateway(Program):
    """A process that answers fans; ready once it responds.

    With a `gateway`, which has others that take over, it is sent nothing more before it stops.
    """

    stop_seconds = 6
    gateway: NginxGateway | None = None
    port: int

    def __init__(
        self,
        kind: str,
        name: str,
        part: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        port: int,
    ) -> None:
        super().__init__(name, part, tuple(argv), environment, port=port)
        self.kind = kind

    @property
    def drains(self) -> bool:
        return self.gateway is not None

    def ready(self) -> bool:
        return is_alive(self.port)

    def settle(self) -> None:
        if self.gateway:
            self.gateway.send_again_to(self.name)

    def drain(self) -> None:
        if self.gateway:
            self.gateway.send_nothing_to(self.name)


class Api(BehindGateway):
    """The API under granian."""

    def __init__(
        self, environment: Mapping[str, str], port: int, name: str = "api", *, reload: bool
    ) -> None:
        workers = max(2, min(os.cpu_count() or 1, 4))
        argv = [
            *(PYTHON, "-m", "granian", "--interface", "wsgi", "config.wsgi:application"),
            *("--host", HOST, "--port", str(port), "--http", "1", "--no-ws"),
            *("--workers", str(workers), "--blocking-threads", str(API_THREADS)),
            *("--backlog", str(API_BACKLOG), "--backpressure", str(API_BACKLOG // workers)),
            *("--respawn-failed-workers", "--respawn-interval", "0.5"),
            *("--workers-kill-timeout", "4", "--log-level", "warning"),
            *(RELOAD if reload else ()),
        ]
        super().__init__("api", name, name, argv, environment, port)

    def prepare(self, failures: int) -> None:
        """Empty the folder of per-process metrics: those of earlier processes would add up."""
        folder = Path(self.environment["PROMETHEUS_MULTIPROC_DIR"])
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)


class Fastpath(BehindGateway):
    """A process of the service in front of the API, with the routes of its kind.

    The API takes over where it has frozen.
    """

    _watch: FrozenWatch | None = None

    def __init__(
        self,
        kind: str,
        environment: Mapping[str, str],
        port: int,
        name: str = "",
        part: str = "fastpath",
        *,
        reload: bool,
    ) -> None:
        argv = [
            *(PYTHON, "-m", "fastpath", "--host", HOST, "--port", str(port)),
            *("--backlog", str(API_BACKLOG), "--routes", FASTPATH[kind]),
        ]
        if reload:
            argv = [*WATCH, shlex.join(argv), "."]
        super().__init__(kind, name or kind, part, argv, environment, port)

    def settle(self) -> None:
        super().settle()
        if self.gateway:
            self._watch = FrozenWatch(self, self.gateway)
            self._watch.start()

    def ended(self) -> None:
        if self._watch:
            self._watch.stop()
            self._watch = None


def behind_gateway(
    data_dir: DataDir,
    environment: Mapping[str, str],
    ports: Mapping[str, int],
    profile: Profile,
    *,
    reload: bool,
) -> list[BehindGateway]:
    """Return the API and fastpath, each as often as the profile has it."""
    own = environment_of_processes(environment, ports)
    made: list[BehindGateway] = []
    for part in profile.instances("api"):
        # The API's processes share their metrics in files; every other process has its own, alone.
        shared = {"PROMETHEUS_MULTIPROC_DIR": str(data_dir.run / f"metrics-{part}")}
        if profile.is_observed:  # then a process of its own exports the state
            shared["METRIC_STATE"] = environment.get("METRIC_STATE") or "false"
        made.append(Api({**ALLOCATOR, **environment, **shared}, ports[part], part, reload=reload))
    for part in profile.instances("fastpath"):
        number = part.removeprefix("fastpath")
        for kind in FASTPATH:
            name = f"{kind}{number}"
            metrics = {"FASTPATH_METRICS_PORT": str(ports[f"{kind}-metrics{number}"])}
            made.append(Fastpath(kind, own | metrics, ports[name], name, part, reload=reload))
    return made


def gateway(
    data_dir: DataDir,
    environment: Mapping[str, str],
    ports: Mapping[str, int],
    nginx: Path,
    behind: Sequence[BehindGateway],
) -> NginxGateway:
    """Return the gateway before `behind`; who has others that take over can be drained."""
    kinds: dict[str, dict[str, BehindGateway]] = {}
    for one in behind:
        kinds.setdefault(one.kind, {})[one.name] = one
    by_port = {kind: {name: one.port for name, one in ones.items()} for kind, ones in kinds.items()}
    made = NginxGateway(
        nginx,
        ports["gateway"],
        Upstreams(by_port["api"], by_port["fastpath"], by_port["fastpath-sale"], ports["stream"]),
        home=data_dir.home,
        os_user=data_dir.os_user,
        access_log=data_dir.logs / "access.log",
        static=Path(environment["STATIC_ROOT"]),
        media=data_dir.home / "media",
        options=replace(gateway_options(), status_port=ports.get("gateway-status")),
    )
    for one in behind:
        if one.name in made.upstreams.drainable():
            one.gateway = made
    return made
