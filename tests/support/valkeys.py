"""Valkey servers of a test's own: to be cut, promoted, clustered and killed."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis import exceptions as redis_errors

from kernel.redis.clients import breaker
from stack.service import HOST, free_ports
from stack.valkey.server import binary
from tests.support.waiting import await_that


@dataclass
class Server:
    """One server and its folder."""

    port: int
    folder: Path
    options: tuple[str, ...]
    process: subprocess.Popen | None = field(default=None, repr=False)

    def start(self) -> "Server":
        self.folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [
                *(str(binary()), "--port", str(self.port), "--bind", HOST),
                *("--dir", str(self.folder), "--save", "", "--daemonize", "no"),
                *("--repl-diskless-sync-delay", "0", *self.options),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        await_that(self.answers, f"valkey on port {self.port} answers")
        return self

    def answers(self) -> bool:
        with suppress(redis_errors.RedisError):
            return bool(self.client().ping())
        return False

    def client(self) -> Redis:
        return Redis(host=HOST, port=self.port, socket_timeout=2, decode_responses=True, retry=None)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"


class Valkeys:
    """The servers of one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.servers: list[Server] = []

    def start(self, *options: str) -> Server:
        [port] = free_ports(1)
        server = Server(port, self.folder / f"valkey-{port}", options)
        self.servers.append(server)
        return server.start()

    def cluster(self, *, primaries: int = 3) -> list[Server]:
        """Start a cluster of `primaries` and as many replicas, and wait until it serves."""
        buses = free_ports(2 * primaries)
        nodes = [
            self.start(
                *("--cluster-enabled", "yes", "--cluster-node-timeout", "1000"),
                *("--cluster-port", str(bus)),
            )
            for bus in buses
        ]
        first, *others = nodes
        for node, bus in zip(others, buses[1:], strict=True):
            first.client().execute_command("CLUSTER MEET", HOST, node.port, bus)
        share = 16384 // primaries
        for index, node in enumerate(nodes[:primaries]):
            last = 16383 if index == primaries - 1 else (index + 1) * share - 1
            node.client().execute_command("CLUSTER ADDSLOTSRANGE", index * share, last)
        for replica, primary in zip(nodes[primaries:], nodes[:primaries], strict=True):
            name = primary.client().execute_command("CLUSTER MYID")
            await_that(lambda node=replica, name=name: _knows(node, name), "the nodes met")
            replica.client().execute_command("CLUSTER REPLICATE", name)
        for node in nodes:
            await_that(lambda node=node: _serves(node, 2 * primaries), "the cluster", seconds=30)
        for replica in nodes[primaries:]:
            await_that(lambda node=replica: is_synced(node), "the replicas follow", seconds=30)
        return nodes

    def stop(self) -> None:
        for server in self.servers:
            server.kill()


def is_synced(replica: Server) -> bool:
    return replica.client().info("replication").get("master_link_status") == "up"


def _knows(node: Server, name: str) -> bool:
    return name in str(node.client().cluster("NODES"))


def _serves(node: Server, size: int) -> bool:
    info = node.client().cluster("INFO")
    return info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == size


@contextmanager
def queue_role_at(settings, url: str) -> Iterator[None]:
    """Lead the role `queue` to other servers for the block."""
    known = settings.CACHES
    settings.CACHES = {**known, "queue": {**known["queue"], "LOCATION": url}}
    breaker("queue").reset()
    try:
        yield
    finally:
        settings.CACHES = known
        breaker("queue").reset()
