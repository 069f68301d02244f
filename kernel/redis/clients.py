"""The Redis roles: one server each, so that each can fail alone.

django-redis owns the pooled connections (settings.CACHES has an alias a role); this module adds
the breaker. Time-outs are short: a gate that is slow is a gate that is away. A URL of the scheme
`redis+cluster` (or `rediss+cluster`) names any node of a cluster; keys carry hash tags, so the same
calls work there.

Note [Away]
A server that is there but can't do its work is away too: loading its file, out of memory, a
replica that was the primary a moment ago, a cluster without an owner for the slot. Callers see
`PartUnavailable` for all of these, never a defect.
"""

import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django_redis import get_redis_connection
from redis import ConnectionPool, Redis, RedisCluster
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry

from kernel.redis.breaker import Breaker
from kernel.redis.connections import Lines

Role = Literal["cache", "lock", "queue"]
T = TypeVar("T")

AWAY = (
    redis_errors.ConnectionError,
    redis_errors.TimeoutError,
    redis_errors.BusyLoadingError,
    redis_errors.OutOfMemoryError,
    redis_errors.ReadOnlyError,
    redis_errors.AskError,  # and MovedError: the map of the cluster is out of date
    redis_errors.TryAgainError,
    redis_errors.ClusterError,
    redis_errors.RedisClusterException,
)
# Words that redis-py has no class for.
_UNABLE = ("MISCONF", "NOREPLICAS", "BUSY ", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "READONLY")
_ALIASES: dict[Role, str] = {"cache": "default", "lock": "lock", "queue": "queue"}
_opening = threading.Lock()
_servers: dict[str, Redis] = {}
_lines: dict[ConnectionPool, Lines] = {}
os.register_at_fork(after_in_child=_lines.clear)  # sockets are not for two processes
_clusters: dict[str, RedisCluster] = {}
_members: dict[str, list[tuple[str, int]]] = {}  # seen before: the URL's node may be the one lost


class ServerUnable(redis_errors.ConnectionError):
    """The server answered that it can't do its work just now."""


def client(role: Role) -> Redis:
    """Return the role's client (thread-safe, pooled, opened on first use)."""
    location = str(settings.CACHES[_ALIASES[role]]["LOCATION"])
    if "+cluster" in location.partition(":")[0]:
        return _cluster(location)  # type: ignore[return-value]  # the same commands
    server = _servers.get(location)
    if server is None:  # django-redis makes a client a thread, and takes longer than a call
        server = _servers[location] = get_redis_connection(_ALIASES[role])
    return server


@cache
def breaker(role: Role) -> Breaker:
    """Return this process's breaker of the role."""
    return Breaker(f"redis_{role}", failures_on=AWAY)


def fcall(
    server: Redis | RedisCluster, function: str, keys: Sequence[str], args: Sequence[Any]
) -> Any:
    """Call a function of a loaded library (Note [Lines] in lines.py)."""
    if isinstance(server, RedisCluster):
        return server.fcall(function, len(keys), *keys, *args)
    return _lines_to(server).ask("FCALL", function, len(keys), *keys, *args)


def guarded(role: Role, call: Callable[[Redis], T]) -> T:
    """Run `call` with the role's client; raises `PartUnavailable` when the role is away."""
    return breaker(role).call(lambda: _run(role, call))


def _run(role: Role, call: Callable[[Redis], T]) -> T:
    server = client(role)
    try:
        return call(server)
    except AWAY:
        _forget_connections(server)
        raise
    except redis_errors.ResponseError as error:
        if not str(error).startswith(_UNABLE):
            raise
        _forget_connections(server)
        raise ServerUnable(str(error)) from error


def _forget_connections(server: Redis | RedisCluster) -> None:
    """Don't keep asking this one: the name, or the slot, may lead to another server by now."""
    if not isinstance(server, RedisCluster):
        server.connection_pool.disconnect(inuse_connections=False)  # other threads' go on
        _lines_to(server).hang_up()
        return
    with _opening:
        for location, known in list(_clusters.items()):
            if known is server:
                nodes = server.get_nodes()  # type: ignore[no-untyped-call]
                _members[location] = [(node.host, node.port) for node in nodes]
                del _clusters[location]


def _lines_to(server: Redis) -> Lines:
    pool = server.connection_pool
    lines = _lines.get(pool)
    return lines or _lines.setdefault(pool, Lines(pool))


def _cluster(location: str) -> RedisCluster:
    """Open one cluster client a process and URL, which asks a node for the map of slots."""
    with _opening:
        if location not in _clusters:
            options = settings.CACHES["queue"]["OPTIONS"]
            parts = urlsplit(location)
            seeds = [(parts.hostname, parts.port or 6379), *_members.get(location, [])]
            _clusters[location] = RedisCluster(
                startup_nodes=[
                    ClusterNode(host, port)  # type: ignore[no-untyped-call]
                    for host, port in dict.fromkeys(seeds)
                ],
                username=parts.username,
                password=parts.password,
                ssl=parts.scheme.startswith("rediss"),
                socket_timeout=options["SOCKET_TIMEOUT"],
                socket_connect_timeout=options["SOCKET_CONNECT_TIMEOUT"],
                retry=Retry(NoBackoff(), 1),  # the caller hears 503 and comes back
            )
        return _clusters[location]
