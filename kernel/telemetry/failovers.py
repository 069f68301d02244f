"""Failovers, as the process that exports the state sees them.

Note [Seen failovers]
A server's identity changes when another takes its place or it starts afresh: PostgreSQL's history
(system and timeline), the run id of a Valkey server, and of a cluster the masters of its slots.
A process that asks every few seconds sees each change once. What changed before it began is not
counted: a count says what was seen.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from threading import Lock
from typing import Any, cast

from prometheus_client.core import CounterMetricFamily, Metric
from redis import Redis, RedisCluster

from kernel.db import replica
from kernel.db.failures import DATABASE_ERRORS
from kernel.redis.clients import UNAVAILABLE, Role, client
from kernel.telemetry.dependencies import broker_client

# What of a part must stay the same, by the name of what it belongs to.
Identity = Mapping[str, str]


class Failovers:
    """The identities of the servers as last seen, and how often each has changed."""

    def __init__(self, parts: Mapping[str, Callable[[], Identity]]) -> None:
        self._parts = parts
        self._known: dict[str, dict[str, str]] = {part: {} for part in parts}
        self._changes = dict.fromkeys(parts, 0)
        self._lock = Lock()

    def look(self) -> dict[str, int]:
        """Ask every part who it is; return the changes seen so far. One that is away keeps its."""
        for part, identify in self._parts.items():
            try:
                found = identify()
            except (*UNAVAILABLE, *DATABASE_ERRORS):
                continue
            with self._lock:
                known = self._known[part]
                changed = [name for name in found if known.get(name, found[name]) != found[name]]
                self._changes[part] += len(changed)
                known.update(found)
        return dict(self._changes)


def _postgres() -> Identity:
    return {"history": replica.written().history}


def _server(server: Redis) -> Identity:
    return {"server": server.info("server")["run_id"]}


def _role(role: Role) -> Identity:
    server = client(role)
    return _masters(server) if isinstance(server, RedisCluster) else _server(server)


def _masters(cluster: RedisCluster) -> Identity:
    """Return the id of the master of each range of slots."""
    found: dict[str, str] = {}
    nodes = cast("dict[str, Any]", cluster.cluster_nodes())
    for node in nodes.values():
        flags = node["flags"].split(",")
        if "master" in flags and "fail" not in flags:
            found |= {"-".join(slots): node["node_id"] for slots in node["slots"]}
    return found


seen = Failovers(
    {
        "postgres": _postgres,
        "cache": lambda: _role("cache"),
        "lock": lambda: _role("lock"),
        "queue": lambda: _role("queue"),
        "broker": lambda: _server(broker_client()),
    }
)


def failovers(*, now: datetime) -> Iterable[Metric]:
    """Yield the failovers and restarts of servers that this process has seen, by part."""
    family = CounterMetricFamily(
        "frontrow_failovers", "Changes of who leads, or of a server's run", labels=["part"]
    )
    for part, count in seen.look().items():
        family.add_metric([part], count)
    yield family
