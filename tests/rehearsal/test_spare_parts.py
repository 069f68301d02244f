"""The servers of the profile `ha`: each may be lost, and what was acknowledged is there after it.

They are started here by themselves, without Frontrow's processes.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from redis import exceptions as redis_errors
from redis.cluster import ClusterNode, RedisCluster

from stack import etcd, servers
from stack.data_dir import DataDir, default_data
from stack.engine import Engine
from stack.policy import Policy
from stack.postgres.binaries import programs
from stack.postgres.cluster import PostgresHost
from stack.process import Tools
from stack.profiles import HA
from stack.programs import find_programs
from stack.service import HOST, free_ports
from stack.states import READY, State
from stack.topology import local_environment
from tests.support.interleaving import InBackground
from tests.support.waiting import await_that

pytestmark = pytest.mark.timeout(600)
SECONDS = 120


class Spare:
    """The servers of one test: PostgreSQL's members with etcd, or the clusters of Valkey."""

    def __init__(self, folder: Path, what: str) -> None:
        self.data_dir = DataDir(folder, default_data() / "downloads").make()
        self.tools = Tools(self.data_dir.marker)
        names = [port.name for port in HA.ports]
        self.ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.engine = Engine(self.data_dir.logs, Policy(marker=self.data_dir.marker))
        self.engine.add(self._postgres() if what == "postgres" else self._valkey())

    def up(self) -> None:
        for unit in self.engine.units.values():
            unit.start(time.monotonic(), wait=True)
        self.until(lambda: all(u.state in READY for u in self.engine.units.values()), "all is up")

    def until(self, condition, what: str) -> None:
        def holds() -> bool:
            self.engine.tick(time.monotonic())
            return bool(condition())

        await_that(holds, what, seconds=SECONDS)

    def kill(self, name: str) -> None:
        self.engine.units[name].kill(time.monotonic())
        self.until(lambda: self.engine.units[name].state is State.KILLED, f"{name} is dead")

    def start(self, name: str) -> None:
        self.engine.units[name].start(time.monotonic())
        self.until(lambda: self.engine.units[name].state in READY, f"{name} is back")

    def standings(self) -> dict[str, str]:
        running = [u for u in self.engine.units.values() if u.state is State.RUNNING]
        return {unit.name: unit.service.standing() for unit in running}

    def called(self, standing: str) -> list[str]:
        return [name for name, found in self.standings().items() if found == standing]

    def environment(self) -> dict[str, str]:
        plain = dict.fromkeys(
            ("gateway", "api", "flower", "cache", "broker", "smtp", "inbox", "stream", "sandbox"), 1
        )
        return local_environment(self.data_dir, plain | self.ports, HA)

    def down(self) -> None:
        for unit in self.engine.units.values():
            unit.kill(time.monotonic())
        self.tools.close()
        self.engine.close()
        self.data_dir.registry.clear(self.data_dir.marker)
        self.data_dir.erase(downloads=False)

    def _postgres(self):
        data_dir = self.data_dir
        site = PostgresHost(
            programs=programs(data_dir.home, data_dir.os_user),
            home=data_dir.home,
            os_user=data_dir.os_user,
            passwords=data_dir.passwords,
            tools=self.tools,
        )
        found = find_programs(data_dir, self.tools, HA)
        return servers.postgres(data_dir, self.ports, site, found)

    def _valkey(self):
        unused = {"cache": 1, "broker": 1}
        made = servers.valkey(self.data_dir.root / "valkey", self.ports | unused, HA)
        return [server for server in made if server.name not in unused]


@contextmanager
def spare(what: str) -> Iterator[Spare]:
    with tempfile.TemporaryDirectory(prefix="frt-spare-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # root's servers run as another user
        made = Spare(Path(folder) / "data", what)
        try:
            made.up()
            yield made
        finally:
            made.down()


class Writer:
    """Writes numbers, each in a transaction of its own, and notes those acknowledged."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.number = 0
        self.acknowledged: set[int] = set()

    def write(self) -> bool:
        """Write the next number; return whether the server has acknowledged it."""
        self.number += 1
        try:
            with psycopg.connect(self.url, connect_timeout=2, autocommit=True) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS written (n int PRIMARY KEY)")
                connection.execute("INSERT INTO written VALUES (%s)", [self.number])
        except psycopg.Error:
            return False
        self.acknowledged.add(self.number)
        return True

    def found(self) -> set[int]:
        with psycopg.connect(self.url) as connection:
            return {n for (n,) in connection.execute("SELECT n FROM written")}


def test_a_leader_that_dies_is_replaced_and_nothing_acknowledged_is_lost():
    with spare("postgres") as parts:
        environment = parts.environment()
        writer = Writer(environment["DATABASE_URL"])
        [leader], standbys = parts.called("leader"), parts.called("standby")
        assert len(standbys) == 2
        for _ in range(50):
            assert writer.write()
        with psycopg.connect(environment["REPLICA_URL"]) as reads:
            assert reads.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
        parts.kill(leader)
        postmaster = parts.engine.units[leader].service.strays()
        assert list(postmaster) == [], "PostgreSQL has ended with its Patroni"
        parts.until(writer.write, "another member takes writes")
        for _ in range(50):
            assert writer.write()
        assert writer.acknowledged <= writer.found()
        parts.start(leader)
        parts.until(lambda: len(parts.called("standby")) == 2, "the old leader follows")
        assert writer.acknowledged <= writer.found()


def test_a_switchover_as_the_runbook_says_it_lets_another_lead():
    with spare("postgres") as parts:
        writer = Writer(parts.environment()["DATABASE_URL"])
        assert writer.write()
        [leader], (candidate, _) = parts.called("leader"), parts.called("standby")
        port = parts.ports[leader.replace("postgres", "patroni")]
        body = {"leader": leader, "candidate": candidate}
        url = f"http://{HOST}:{port}/switchover"
        assert httpx.post(url, json=body, timeout=60).status_code == 401
        login = ("patroni", parts.data_dir.secrets["patroni_password"])
        assert httpx.post(url, json=body, auth=login, timeout=60).status_code == 200
        parts.until(lambda: parts.called("leader") == [candidate], "the candidate leads")
        parts.until(writer.write, "it takes writes")
        parts.until(lambda: leader in parts.called("standby"), "the old leader follows")
        assert writer.acknowledged <= writer.found()


def test_without_a_standby_nothing_is_acknowledged_and_with_one_it_goes_on():
    with spare("postgres") as parts:
        writer = Writer(parts.environment()["DATABASE_URL"])
        assert writer.write()
        standbys = parts.called("standby")
        with psycopg.connect(writer.url, autocommit=True) as leader:
            for name in standbys:
                parts.kill(name)
            writing = InBackground(writer.write)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

            def waits() -> bool:
                return leader.execute(waiting).fetchone() != (0,)

            parts.until(waits, "the commit waits for a standby")
            assert not writer.acknowledged - {1}
            parts.start(standbys[0])
            assert writing.result(), "it is acknowledged in the end"
        assert writer.found() == {1, 2}


@pytest.mark.parametrize("role", ["lock", "queue"])
def test_a_master_that_dies_is_replaced_by_its_replica(role):
    with spare("valkey") as parts:
        nodes = [
            ClusterNode(HOST, port)
            for name, port in parts.ports.items()
            if name in HA.stand_ins[role]
        ]
        cluster = RedisCluster(startup_nodes=nodes, socket_timeout=2, socket_connect_timeout=2)
        keys = [f"{{{number}}}:kept" for number in range(200)]
        for key in keys:
            cluster.set(key, key)
        assert cluster.wait(1, 2000, target_nodes="primaries")
        masters = [name for name in parts.called("master") if name.startswith(role)]
        assert len(masters) == 3
        parts.kill(masters[0])

        def reads_all() -> bool:
            try:
                return all(cluster.get(key) == key.encode() for key in keys)
            except redis_errors.RedisError:
                return False

        parts.until(reads_all, "its replica serves its slots")
        parts.start(masters[0])
        parts.until(lambda: masters[0] in parts.called("replica"), "it follows, as one of six")
        cluster.close()


def test_etcd_lets_nobody_in_without_its_password():
    with spare("postgres") as parts:
        keeper = parts.engine.units["etcd"].service
        assert isinstance(keeper, etcd.Etcd)
        for path, body in (
            ("/v3/kv/range", {"key": "Lw==", "range_end": "MA=="}),
            ("/v3/kv/put", {"key": "Lw==", "value": "Lw=="}),
        ):
            status, reply = keeper._reply_to("POST", path, body)
            assert status != 200, reply
