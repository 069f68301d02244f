"""The servers of a test session: real ones, on free ports and in a folder of their own."""

import fcntl
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from stack.data_dir import DataDir, default_data
from stack.engine import Engine
from stack.errors import StackError
from stack.kafka import Kafka, jars
from stack.policy import Policy
from stack.postgres.binaries import programs
from stack.postgres.cluster import APPLICATION, SUPERUSER, Cluster, PostgresHost
from stack.postgres.primary import Primary
from stack.postgres.replica import Replica
from stack.process import Tools
from stack.process_registry import read_json, write_json
from stack.service import HOST, Service, free_ports
from stack.states import READY, State
from stack.unit import Unit
from stack.valkey import ROLES, Valkey

PARTS = ("primary", "replica", *ROLES)
UP_SECONDS = 90


class Part:
    """One server that a test may stop, kill or freeze; a call returns when that has happened."""

    def __init__(self, servers: "TestServers", unit: Unit) -> None:
        self._servers = servers
        self._unit = unit

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self._unit.start(time.monotonic())
        self._servers.wait([self._unit], READY)

    def stop(self) -> None:
        """Stop it in its own orderly way."""
        self._unit.stop(time.monotonic())
        self._servers.wait([self._unit], {State.STOPPED})

    def kill(self) -> None:
        """End it and its children by SIGKILL."""
        self._unit.kill(time.monotonic())
        self._servers.wait([self._unit], {State.KILLED})

    def pause(self) -> None:
        """Freeze it and its children by SIGSTOP."""
        self._unit.pause()

    def resume(self) -> None:
        """Let it go on (SIGCONT)."""
        self._unit.resume()

    @property
    def port(self) -> int:
        return self._servers.ports[self._unit.name]

    @property
    def log(self) -> Path:
        return self._unit.log


class TestServers:
    """The PostgreSQL pair, the four Valkey roles and, when asked for, Kafka.

    Servers already running in `data` are used as they are, so a developer may keep them between
    runs (`keep`: they outlive this process and `down` leaves them). Without `durable` PostgreSQL
    skips fsync (quicker; only a power cut would tell) and Valkey its append-only files: a killed
    one comes back empty.
    Raises StackError with the end of a server's log where it doesn't come up.
    """

    __test__ = False  # a name that starts with Test, and no test

    def __init__(self, data: Path, *, durable: bool = False, keep: bool = False) -> None:
        self.data_dir = DataDir(data, default_data() / "downloads")
        self.ports: dict[str, int] = {}
        self._durable = durable
        self._keep = keep
        self._tools = Tools()
        self._engine: Engine | None = None
        self._kafka = ""

    def up(self, *, kafka: bool = False) -> dict[str, str]:
        """Start what doesn't run yet and return the environment that leads to the servers."""
        self.data_dir.make()
        # Of two processes on one folder the second finds everything up.
        with self.data_dir.lock.open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            running = self.data_dir.registry.alive()
            self._choose_ports(reuse=bool(running))
            marker = self.data_dir.marker
            policy = Policy(
                restart=False, death_signal=0 if self._keep else signal.SIGTERM, marker=marker
            )
            self._tools = Tools(marker)
            engine = self._engine = Engine(self.data_dir.logs, policy, self.data_dir.registry)
            engine.add(self._services())
            for name in engine.units.keys() & running.keys():
                engine.units[name].adopt(running[name], time.monotonic())
            for unit in engine.units.values():
                unit.start(time.monotonic(), wait=True)
            if kafka:
                self.start_kafka()
            self.wait(engine.units.values(), READY)
        return self.environment()

    def start_kafka(self) -> str:
        """Start Kafka if it doesn't run and return its bootstrap servers.

        Raises StackError where this machine cannot run Kafka.
        """
        if self._engine is None:
            raise StackError("the servers are not up")
        if "kafka" not in self._engine.units:
            folder = self.data_dir.root / "kafka"
            found = jars(self.data_dir.downloads, self._tools)
            ports = (self.ports["kafka"], self.ports["controller"])
            self._engine.add([Kafka(*ports, folder, found, self._tools)])
            running = self.data_dir.registry.alive().get("kafka")
            if running:
                self._engine.units["kafka"].adopt(running, time.monotonic())
        self.part("kafka").start()
        self._kafka = f"{HOST}:{self.ports['kafka']}"
        return self._kafka

    def part(self, name: str) -> Part:
        """Return one server: primary, replica, cache, lock, queue, broker or kafka."""
        if self._engine is None:
            raise StackError("the servers are not up")
        return Part(self, self._engine.units[name])

    def environment(self) -> dict[str, str]:
        """Return the variables by which Frontrow's settings find these servers."""
        environment = {
            "DATABASE_URL": self._database_url("primary", "frontrow"),
            "REPLICA_URL": self._database_url("replica", "frontrow"),
            "IDEMPOTENCY_DATABASE_URL": self._database_url("primary", "idempotency"),
            "KAFKA_BOOTSTRAP_SERVERS": self._kafka,
            "CELERY_BROKER_URL": f"redis://{HOST}:{self.ports['broker']}/0",
        }
        for role in ("cache", "lock", "queue"):
            environment[f"REDIS_{role.upper()}_URL"] = f"redis://{HOST}:{self.ports[role]}/0"
        return environment

    def admin_url(self, part: str = "primary", database: str = "postgres") -> str:
        """Return a superuser's way in, for what a test must do to a server itself."""
        password = self.data_dir.passwords.superuser
        return f"postgresql://{SUPERUSER}:{password}@{HOST}:{self.ports[part]}/{database}"

    def cluster(self, part: str) -> Cluster:
        """Return the PostgreSQL server `part`, to run statements as the superuser."""
        service = self.part(part)._unit.service
        if not isinstance(service, Cluster):
            raise StackError(f"{part} is no PostgreSQL server")
        return service

    def down(self) -> None:
        """Stop the servers that this object started; with `keep`, none.

        An object that was never up stops all that runs in the folder: this is how to end servers
        that another run has kept.
        """
        if self._engine is None:
            if not self._keep:
                self._end_all()
            return
        if self._keep:
            for unit in self._engine.units.values():
                if unit.child:
                    unit.child.disown()
        else:
            for level in reversed(self._engine.levels()):
                units = [unit for unit in level if unit.child and unit.child.born_here]
                for unit in units:
                    unit.stop(time.monotonic())
                self.wait(units, {State.STOPPED, State.KILLED, State.FAILED})
        self._tools.close()
        self._engine.close()
        self._engine = None

    def erase(self) -> None:
        """Remove the servers' data, ending first what still runs on it."""
        self._end_all()
        self.data_dir.erase(downloads=False)

    def wait(self, units: Iterable[Unit], states: Iterable[State]) -> None:
        """Go on until all `units` are in one of `states`."""
        if self._engine is None:
            raise StackError("the servers are not up")
        self._engine.wait(units, set(states), UP_SECONDS)

    def _end_all(self) -> None:
        """End everything in the folder, found as `stack down` finds it: by registry and marker."""
        if not self.data_dir.run.is_dir():
            return
        with self.data_dir.lock.open("a") as lock:  # not while another process starts them
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.data_dir.registry.clear(self.data_dir.marker)

    def _choose_ports(self, *, reuse: bool) -> None:
        path = self.data_dir.run / "ports.json"
        known = read_json(path)
        if not (reuse and known):
            known = dict(
                zip((*PARTS, "kafka", "controller"), free_ports(len(PARTS) + 2), strict=True)
            )
            write_json(path, known)
        self.ports = known

    def _services(self) -> list[Service]:
        data_dir = self.data_dir
        site = PostgresHost(
            programs=programs(data_dir.home, data_dir.os_user),
            home=data_dir.home,
            os_user=data_dir.os_user,
            passwords=data_dir.passwords,
            tools=self._tools,
            durable=self._durable,
        )
        databases = ("frontrow", "idempotency")
        primary = Primary(site, self.ports["primary"], databases, create_databases=True)
        roles = [
            Valkey(role, self.ports[role], data_dir.root / "valkey" / role, durable=self._durable)
            for role in ROLES
        ]
        return [primary, Replica(site, self.ports["replica"], primary), *roles]

    def _database_url(self, part: str, database: str) -> str:
        password = self.data_dir.passwords.application
        return f"postgresql://{APPLICATION}:{password}@{HOST}:{self.ports[part]}/{database}"
