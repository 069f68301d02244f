"""The servers under load: the API, what it is compared with, fastpath, and the gateway."""

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from stack import gateway
from stack.application import ALLOCATOR, Program, Sandbox, Stream
from stack.data_dir import DataDir, default_data
from stack.entrance import Api, Fastpath
from stack.os_users import server_home, unprivileged
from stack.process import Tools
from stack.service import HOST, free_ports, listens

ROOT = Path(__file__).resolve().parent.parent
API = "config.wsgi:application"
_START_SECONDS = 60


@dataclass(frozen=True)
class RunningServer:
    """A running server; `behind` are those to which it passes requests on."""

    name: str
    port: int
    process: psutil.Process
    behind: tuple["RunningServer", ...] = ()

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time of its processes so far, and of those behind it, by name."""
        family = [self.process, *self.process.children(recursive=True)]
        used = {self.name: sum(sum(one.cpu_times()[:2]) for one in family)}
        for server in self.behind:
            used |= server.cpu_seconds()
        return used

    def memory(self) -> list[int]:
        """Return the proportional set size in bytes of each worker process, or of its only one."""
        workers = [
            child
            for child in self.process.children(recursive=True)
            if "resource_tracker" not in " ".join(child.cmdline())
        ]
        return [worker.memory_full_info().pss for worker in workers or [self.process]]


def serve(
    application: str, folder: Path, allocator: Mapping[str, str] = ALLOCATOR
) -> AbstractContextManager[RunningServer]:
    """Serve a WSGI application by granian, with the options that the stack gives the API."""
    [port] = free_ports(1)
    metrics = str(folder / f"metrics-{port}")
    environment = {**_environment(allocator), "PROMETHEUS_MULTIPROC_DIR": metrics}
    service = Api(environment, port, reload=False)
    argv = tuple(application if word == API else word for word in service.argv)
    if application not in argv:
        raise LookupError(f"the stack no longer serves {API}")
    service.argv = argv
    return _serving(service, folder, application.partition(":")[0])


def serve_fastpath(
    folder: Path,
    name: str = "fastpath",
    *,
    more: Mapping[str, str] | None = None,
    root: Path | None = None,
) -> AbstractContextManager[RunningServer]:
    """Serve one of fastpath's processes as the stack does: that of the waiting room, or another.

    With `more` in its environment; from another checkout at `root`.
    """
    port, metrics = free_ports(2)
    environment = {**_environment(ALLOCATOR), "FASTPATH_METRICS_PORT": str(metrics), **(more or {})}
    service = Fastpath(name, environment, port, reload=False)
    return _serving(service, folder, name, root=root)


def serve_gateway(
    folder: Path,
    api: RunningServer,
    fastpath: RunningServer,
    sale: RunningServer,
    streams: RunningServer | None = None,
) -> AbstractContextManager[RunningServer]:
    """Put the gateway in front of them; it believes the client as to which address a fan has."""
    [port] = free_ports(1)
    place = folder / f"gateway-{port}"
    place.mkdir()
    home = server_home(place, unprivileged())
    service = gateway.NginxGateway(
        gateway.nginx(default_data() / "downloads", Tools()),
        port,
        gateway.Upstreams(
            {"api": api.port},
            {"fastpath": fastpath.port},
            {"fastpath-sale": sale.port},
            (streams or sale).port,
        ),
        home=home,
        os_user=unprivileged(),
        access_log=place / "access.log",
        static=home / "static",
        media=home / "media",
        options=gateway.Options(trusted_proxies=(f"{HOST}/32",)),
    )
    return _serving(service, place, "gateway", behind=(api, fastpath, sale))


def serve_streams(folder: Path, source_port: int) -> AbstractContextManager[RunningServer]:
    """Serve the live streams of a source as the stack does."""
    port, metrics = free_ports(2)
    ports = {"gateway": source_port, "stream": port, "stream-metrics": metrics}
    return _serving(Stream(os.environ, ports), folder, "streams")


def serve_sandbox(
    folder: Path, port: int, api: RunningServer
) -> AbstractContextManager[RunningServer]:
    """Serve the payment gateway's sandbox on a port that the API knows, to which webhooks go."""
    environment = {**os.environ, "FRONTROW_URL": f"http://{HOST}:{api.port}"}
    return _serving(Sandbox(DataDir(folder), environment, port), folder, "sandbox")


def _environment(allocator: Mapping[str, str]) -> dict[str, str]:
    return {
        **os.environ,
        **allocator,
        "LOG_LEVEL": "INFO",  # the access log is part of what a request costs
        "TRUSTED_PROXY_COUNT": "1",  # each fan has an address
    }


@contextmanager
def _serving(
    service: Program | gateway.NginxGateway,
    folder: Path,
    name: str,
    behind: tuple[RunningServer, ...] = (),
    root: Path | None = None,
) -> Iterator[RunningServer]:
    service.prepare(0)
    command, port = service.command(), service.port or 0
    with (folder / f"{name}.log").open("ab") as log:
        started = subprocess.Popen(
            command.argv,
            cwd=root or command.directory,
            env=dict(command.environment),
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not listens(port):
            if started.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{name} did not start; see {log.name}")
            time.sleep(0.1)
        yield RunningServer(name, port, psutil.Process(started.pid), behind)
    finally:
        started.terminate()
        started.wait()
