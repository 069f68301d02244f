"""A role of Valkey with spare parts: three masters, each with a replica that follows it."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from redis import Redis
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff
from redis.retry import Retry

from stack.errors import StackError
from stack.process import wait_until
from stack.service import HOST, Service
from stack.valkey.server import Valkey

MASTERS = 3
SLOTS = 16384
FORM_SECONDS = 30

# A master that is silent for two seconds is replaced, however old its replica's copy is: what a
# claim or a place in the line is worth stands in PostgreSQL. The slots of the others go on.
OPTIONS = """\
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout 2000
cluster-require-full-coverage no
cluster-replica-validity-factor 0
cluster-port {bus}
repl-diskless-sync-delay 0
"""


class Node(Valkey):
    """One of the six servers of a role."""

    def __init__(self, role: str, name: str, port: int, bus: int, folder: Path) -> None:
        super().__init__(role, port, folder)
        self.name = self.part = name
        self.bus = bus

    def configuration(self) -> str:
        return super().configuration() + OPTIONS.format(bus=self.bus)

    def standing(self) -> str:
        """Return master or replica."""
        with suppress(redis_errors.RedisError):
            role = self.client().info("replication")["role"]
            return {"master": "master", "slave": "replica"}[role]
        return "unknown"

    def send(self, *words: Any) -> Any:
        """Return the reply of this server to a command."""
        return self.client().execute_command(*words)  # type: ignore[no-untyped-call]

    def client(self) -> Redis:
        """Return a client of this server alone."""
        return Redis(
            host=HOST,
            port=self.port,
            socket_timeout=1,
            socket_connect_timeout=1,
            retry=Retry(NoBackoff(), 0),
        )


class ValkeyCluster(Service):
    """What makes the six servers of a role one cluster; where they are one, it changes nothing."""

    part = "setup"

    def __init__(self, role: str, nodes: Sequence[Node]) -> None:
        self.name = f"{role}-cluster"
        self.after = tuple(node.name for node in nodes)
        self.nodes = nodes

    def prepare(self, failures: int) -> None:
        """Let them meet, share the slots, and have half of them follow the other half."""
        try:
            self._form()
        except redis_errors.RedisError as error:
            raise StackError(f"{self.name}: {error}") from error
        if not wait_until(self._is_whole, FORM_SECONDS):
            raise StackError(f"{self.name}: not whole after {FORM_SECONDS} s")

    def command(self) -> None:
        return None

    def _form(self) -> None:
        first, *others = self.nodes
        if self._assigned(first) == SLOTS and self._is_whole():
            return
        for node in others:
            first.send("CLUSTER MEET", HOST, node.port, node.bus)
        masters, replicas = self.nodes[:MASTERS], self.nodes[MASTERS:]
        for number, node in enumerate(masters):
            bounds = (SLOTS * number // MASTERS, SLOTS * (number + 1) // MASTERS - 1)
            with suppress(redis_errors.ResponseError):  # they have an owner from an earlier start
                node.send("CLUSTER ADDSLOTSRANGE", *bounds)
        for replica, master in zip(replicas, masters, strict=True):
            name = master.send("CLUSTER MYID")
            if not wait_until(lambda replica=replica, name=name: _knows(replica, name), 10):  # type: ignore[misc]
                raise StackError(f"{self.name}: {replica.name} has not met {master.name}")
            if replica.standing() == "master" and not _owns_slots(replica):
                replica.send("CLUSTER REPLICATE", name)

    def _assigned(self, node: Node) -> int:
        return int(node.client().cluster("INFO")["cluster_slots_assigned"])

    def _is_whole(self) -> bool:
        try:
            standings = [node.standing() for node in self.nodes]
            follow = standings.count("replica") == len(self.nodes) - MASTERS
            return follow and all(self._serves(node) for node in self.nodes)
        except redis_errors.RedisError:
            return False

    def _serves(self, node: Node) -> bool:
        info = node.client().cluster("INFO")
        knows_all = int(info["cluster_known_nodes"]) == len(self.nodes)
        replication = node.client().info("replication")
        follows = replication["role"] == "master" or replication["master_link_status"] == "up"
        return info["cluster_state"] == "ok" and knows_all and follows


def _knows(node: Node, name: bytes) -> bool:
    return any(known["node_id"] == name.decode() for known in _nodes(node))


def _owns_slots(node: Node) -> bool:
    return any(known["slots"] for known in _nodes(node) if "myself" in known["flags"])


def _nodes(node: Node) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = node.client().cluster("NODES")
    return list(found.values())
