"""The processes of a build: what a pod of the API runs (a gateway and the API), and consumers."""

import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from stack.application import MANAGE, environment_of_processes
from stack.data_dir import DataDir
from stack.entrance import Api
from stack.gateway import NginxGateway, Options, Upstreams
from stack.os_users import private_folder
from stack.process import Child, Command, wait_until
from stack.service import HOST

_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where builds run: the stack's environment, its data folder and its ports, and nginx."""

    environment: Mapping[str, str]
    data: DataDir
    ports: Mapping[str, int]
    nginx: Path
    folder: Path


class ApiPod:
    """What the pods of one release do together: a gateway before the API, which answers all.

    In a cluster the service fastpath is a release's own Deployment and is not compared. So here
    nobody stands in front of the API: its pods answer what is judged.
    """

    def __init__(self, around: Surroundings, code: Path, name: str, gateway: int, api: int) -> None:
        self.gateway_port, self.api_port = gateway, api
        self._around = around
        self._code = code
        self._name = name
        self._children: list[Child] = []

    def start(self) -> None:
        """Start both processes."""
        folder = private_folder(self._around.folder / self._name, self._around.data.os_user)
        api = Api(self._environment(), self.api_port, f"api-{self._name}", reload=False)
        api.prepare(0)
        gateway = self._gateway(folder)
        gateway.prepare(0)
        for name, command in (("api", api.command()), ("gateway", gateway.command())):
            log = self._around.folder / f"{self._name}-{name}.log"
            directory = self._code if name == "api" else command.directory
            self._children.append(Child.spawn(replace(command, directory=directory), log))

    def _environment(self) -> dict[str, str]:
        return {
            **environment_of_processes(self._around.environment, self._around.ports),
            "FRONTROW_RELEASE": self._name,
            "PROMETHEUS_MULTIPROC_DIR": str(self._around.folder / f"metrics-{self._name}"),
            "METRIC_STATE": "false",
        }

    def _gateway(self, folder: Path) -> NginxGateway:
        ports, own = self._around.ports, {"api": self.api_port}
        return NginxGateway(
            self._around.nginx,
            self.gateway_port,
            Upstreams(own, own, own, ports["stream"]),
            home=folder,
            os_user=self._around.data.os_user,
            access_log=folder / "access.log",
            static=Path(self._around.environment["STATIC_ROOT"]),
            media=self._around.data.home / "media",
            options=Options(trusted_proxies=(f"{HOST}/32",)),
        )

    def is_ready(self) -> bool:
        """Whether it answers, as the readiness probe of a pod asks."""
        url = f"http://{HOST}:{self.gateway_port}/healthz/ready"
        with suppress(httpx.HTTPError), httpx.Client(trust_env=False, timeout=5) as client:
            return client.get(url).status_code == 200
        return False

    def stop(self) -> None:
        """End both processes, the API first, as a pod does."""
        for child in self._children:
            end(child)


class Consumers:
    """The consumers of one build; they show their metrics where the stack's did."""

    def __init__(self, around: Surroundings, code: Path) -> None:
        environment = environment_of_processes(around.environment, around.ports)
        command = Command((*MANAGE, "consume"), environment, code)
        self._child = Child.spawn(command, around.folder / "consumers.log")

    def stop(self) -> None:
        """End them as a pod is ended: what is begun is finished."""
        end(self._child)


def end(child: Child) -> None:
    """Ask a process to end, and kill what is left of it."""
    child.signal(signal.SIGTERM)
    wait_until(lambda: not child.alive(), _STOP_SECONDS)
    child.kill()
