"""One cluster of a data folder: it outlives the command that starts it."""

import fcntl
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.cluster import certificates
from deploy.cluster.components import PORTS, Site, components
from deploy.cluster.kubectl import Kubectl
from stack.data_dir import DataDir, default_data
from stack.engine import Engine
from stack.errors import StackError
from stack.os_users import private_folder
from stack.policy import Policy
from stack.process_registry import write_json
from stack.service import free_ports
from stack.states import READY

UP_SECONDS = 300
PROCESSES = ("etcd", "api-server", "controller-manager", "scheduler", "kwok", "rollouts")


@dataclass(frozen=True)
class Running:
    """A process of the cluster: its pid, None where it does not run, and its memory in bytes."""

    name: str
    pid: int | None
    memory: int


class Cluster:
    """The cluster of one data folder; each start is a new one, with nothing in it.

    Pods of the component `awaited` run once they are said to (deploy/cluster/stages.py).
    """

    def __init__(self, data: Path | None = None, *, awaited: str = "") -> None:
        root = data or default_data() / "cluster"
        self.data_dir = DataDir(root, default_data() / "downloads")
        self._files = root / "certificates"
        self._awaited = awaited

    def up(self) -> float:
        """Start it, unless it runs; return the seconds that it took.

        Raises StackError where a part of it does not start or has ended meanwhile, and NoTool where
        a program can't be built.
        """
        self.data_dir.make()
        began = time.monotonic()
        with self._alone():
            missing = [one.name for one in self.status() if one.pid is None]
            if not missing:
                return 0.0
            if len(missing) < len(PROCESSES):
                raise StackError(f"{', '.join(missing)} ended: first `down`, then `up`")
            self._begin()
        return time.monotonic() - began

    def down(self) -> bool:
        """End it and remove what it kept; return whether anything ran."""
        if not self.data_dir.run.is_dir():
            return False
        with self._alone():
            ended = self.data_dir.registry.clear(self.data_dir.marker)
            self._empty()
        return bool(ended)

    def status(self) -> list[Running]:
        """Return its processes, running or not."""
        alive = self.data_dir.registry.alive()
        return [
            Running(name, alive[name].pid, alive[name].memory())
            if name in alive
            else Running(name, None, 0)
            for name in PROCESSES
        ]

    @property
    def kubeconfig(self) -> Path:
        """The way in for somebody who may do everything; there while the cluster runs."""
        return certificates.Certificates(self._files).kubeconfig("admin")

    @property
    def kubectl(self) -> Kubectl:
        """kubectl by that way. Raises StackError where the cluster does not run."""
        if not self.kubeconfig.exists():
            raise StackError("no cluster runs here: python -m deploy.cluster up")
        return Kubectl(self.kubeconfig)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Freeze one of its processes (SIGSTOP) for as long as the block lasts."""
        child = self.data_dir.registry.alive().get(name)
        if child is None:
            raise StackError(f"{name} does not run: nothing to freeze")
        child.signal_family(signal.SIGSTOP)
        try:
            yield
        finally:
            child.signal_family(signal.SIGCONT)

    def _begin(self) -> None:
        self._empty()
        ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
        write_json(self.data_dir.run / "ports.json", ports)
        files = certificates.make(private_folder(self._files), ports["api-server"])
        folder = private_folder(self.data_dir.root / "files")
        site = Site(folder, files, ports, self._awaited)
        policy = Policy(restart=False, death_signal=0, marker=self.data_dir.marker)
        engine = Engine(self.data_dir.logs, policy, self.data_dir.registry)
        engine.add(components(site))
        try:
            for unit in engine.units.values():
                unit.start(time.monotonic(), wait=True)
            engine.wait(engine.units.values(), READY, UP_SECONDS)
        except BaseException:
            engine.tick(time.monotonic())
            self.data_dir.registry.clear(self.data_dir.marker)
            raise
        finally:
            for unit in engine.units.values():
                if unit.child:
                    unit.child.disown()
            engine.close()

    def _empty(self) -> None:
        for folder in (self._files, self.data_dir.root / "files"):
            shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other commands on this folder waiting."""
        with self.data_dir.lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
