"""The clients of the Redis roles: one server each, so that each can fail alone.

django-redis owns the pooled connections (settings.CACHES has an alias a role); this module adds
the breaker. Time-outs are short: a gate that is slow is treated as unavailable. A URL of the scheme
`redis+cluster` (or `rediss+cluster`) names nodes of a cluster, at least one that is there when a
process starts (`redis+cluster://host:port,host:port/0`); keys carry hash tags, so the same calls
work there.

Note [Unavailable]
A server that answers but cannot do its work is unavailable too: it is loading its file, is out of
memory, was demoted to a replica a moment ago, or its cluster has no owner for the slot. Callers see
`DependencyUnavailable` for all of these, never a defect.
"""

import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from django.conf import settings
from django_redis import get_redis_connection
from redis import ConnectionPool, Redis, RedisCluster
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry

from kernel.backends import places_of
from kernel.redis.breaker import Breaker
from kernel.redis.connections import ConnectionStack

Role = Literal["cache", "lock", "queue"]
T = TypeVar("T")

UNAVAILABLE = (
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
# Error replies that redis-py has no class for.
_UNABLE = ("MISCONF", "NOREPLICAS", "BUSY ", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "READONLY")
_ALIASES: dict[Role, str] = {"cache": "default", "lock": "lock", "queue": "queue"}
_opening = threading.Lock()
_servers: dict[str, Redis] = {}
_connections: dict[ConnectionPool, ConnectionStack] = {}
os.register_at_fork(after_in_child=_connections.clear)  # sockets are not for two processes
_clusters: dict[str, RedisCluster] = {}
_members: dict[str, list[tuple[str, int]]] = {}  # seen before: the URL's own node may be down


class ServerUnable(redis_errors.ConnectionError):
    """The server replied that it cannot do its work at the moment."""


def client(role: Role) -> Redis:
    """Return the role's client (thread-safe, pooled, opened on first use)."""
    location = str(settings.CACHES[_ALIASES[role]]["LOCATION"])
    if "+cluster" in location.partition(":")[0]:
        return cast("Redis", _cluster(location))  # it has the same commands
    server = _servers.get(location)
    if server is None:  # django-redis makes one a thread, which takes longer than a call
        server = _servers[location] = get_redis_connection(_ALIASES[role])
    return server


@cache
def breaker(role: Role) -> Breaker:
    """Return this process's breaker of the role."""
    return Breaker(f"redis_{role}", failures_on=UNAVAILABLE)


def fcall(
    server: Redis | RedisCluster, function: str, keys: Sequence[str], args: Sequence[Any]
) -> Any:
    """Call a function of a loaded library (Note [Connection stack] in connections.py)."""
    command = ("FCALL", function, len(keys), *keys, *args)
    if isinstance(server, RedisCluster):
        return server.execute_command(*command)  # type: ignore[no-untyped-call]
    return _connections_to(server).execute(*command)


def fcall_all(
    server: Redis | RedisCluster,
    function: str,
    calls: Sequence[tuple[Sequence[str], Sequence[Any]]],
) -> list[Any]:
    """Call a function several times, each with its keys and arguments, in one round trip.

    Returns the replies; the error of a call stands in its place, unless it says that the server
    cannot do its work. In a cluster, all keys share a slot.
    """
    if isinstance(server, RedisCluster):
        replies = _fcall_cluster(server, function, calls)
    else:
        commands = [("FCALL", function, len(keys), *keys, *args) for keys, args in calls]
        replies = _connections_to(server).execute_all(commands)
    for reply in replies:
        if isinstance(reply, redis_errors.RedisError) and (
            isinstance(reply, UNAVAILABLE) or str(reply).startswith(_UNABLE)
        ):
            raise reply
    return replies


def _fcall_cluster(
    cluster: RedisCluster, function: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]
) -> list[Any]:
    if len(calls) == 1:  # a pipeline goes a longer way
        try:
            return [fcall(cluster, function, *calls[0])]
        except redis_errors.ResponseError as error:
            return [error]
    pipeline = cluster.pipeline()  # type: ignore[no-untyped-call]
    for keys, args in calls:
        pipeline.execute_command("FCALL", function, len(keys), *keys, *args)
    return list(pipeline.execute(raise_on_error=False))


def connection_epoch(server: Redis | RedisCluster) -> object:
    """Return what changes whenever the server may have been restarted or replaced."""
    return server if isinstance(server, RedisCluster) else _connections_to(server).lost


def guarded(role: Role, call: Callable[[Redis], T]) -> T:
    """Run `call` with the role's client; raises `DependencyUnavailable`."""
    return breaker(role).call(lambda: _run(role, call))


def _run(role: Role, call: Callable[[Redis], T]) -> T:
    server = client(role)
    try:
        return call(server)
    except UNAVAILABLE:
        _drop_connections(server)
        raise
    except redis_errors.ResponseError as error:
        if not str(error).startswith(_UNABLE):
            raise
        _drop_connections(server)
        raise ServerUnable(str(error)) from error


def _drop_connections(server: Redis | RedisCluster) -> None:
    """Open new connections from now on: the name, or the slot, may lead to another server."""
    if not isinstance(server, RedisCluster):
        server.connection_pool.disconnect(inuse_connections=False)  # those in use stay open
        _connections_to(server).disconnect_idle()
        return
    with _opening:
        for location, known in list(_clusters.items()):
            if known is server:
                nodes = server.get_nodes()  # type: ignore[no-untyped-call]
                _members[location] = [(node.host, node.port) for node in nodes]
                del _clusters[location]


def _connections_to(server: Redis) -> ConnectionStack:
    pool = server.connection_pool
    connections = _connections.get(pool)
    return connections or _connections.setdefault(pool, ConnectionStack(pool))


def _cluster(location: str) -> RedisCluster:
    """Return the process's client of a cluster, which gets the map of slots from one node."""
    with _opening:
        if location not in _clusters:
            options = settings.CACHES["queue"]["OPTIONS"]
            parts = urlsplit(location)
            named = places_of(location, default_port=6379)
            seeds = [*named, *_members.get(location, [])]
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
                retry=Retry(NoBackoff(), 1),  # after that the caller gets 503 and tries again
            )
        return _clusters[location]
