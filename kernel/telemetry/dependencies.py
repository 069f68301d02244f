"""Probes of the dependencies that the kernel knows.

Each takes `now` and returns a `Dependency` or raises.
"""

from datetime import datetime
from functools import cache

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from redis import Redis, RedisCluster

from kernel.caching import live_streams
from kernel.db import primary_clock
from kernel.db import replica as replica_reads
from kernel.db.partitions import months_covered
from kernel.db.router import IDEMPOTENCY
from kernel.redis.clients import Role, client
from kernel.telemetry.health import Dependency, clock_offset_in_words

OK = Dependency("ok")
MONTHS_WANTED = 3
CLOCK_WARNING_SECONDS = 1.0


def primary(*, now: datetime) -> Dependency:
    """Check that the primary accepts writes."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        return Dependency("down", "read only") if cursor.fetchone()[0] else OK


def clock(*, now: datetime) -> Dependency:
    """Compare this host's clock with the primary's, as this process has measured it."""
    offset = primary_clock.offset()
    if offset is None:
        return Dependency("warning", "not measured yet")
    if abs(offset) > CLOCK_WARNING_SECONDS + primary_clock.error():
        return Dependency("warning", clock_offset_in_words(offset))
    return OK


def replica(*, now: datetime) -> Dependency:
    """Measure how far the replica is behind."""
    if replica_reads.REPLICA not in connections.settings:
        return Dependency("off", "no REPLICA_URL")
    lag = replica_lag_seconds()
    if lag is None:
        return Dependency("warning", "not streaming")
    if lag > settings.REPLICA_MAX_LAG_SECONDS:
        return Dependency("warning", f"{lag:.1f} s behind")
    return OK


def replica_lag_seconds() -> float | None:
    """Return how old the replica's picture is, zero at the primary's end; None if not streaming."""
    return replica_reads.look().lag


def idempotency(*, now: datetime) -> Dependency:
    """Check the database of idempotency records."""
    with connections[IDEMPOTENCY].cursor() as cursor:
        cursor.execute("SELECT 1")
    return OK


def partitions(*, now: datetime) -> Dependency:
    """Look how many months ahead every partitioned table has room for."""
    short = {
        table: months
        for table in settings.PARTITIONED_TABLES
        if (months := months_covered(table, now=now)) < MONTHS_WANTED
    }
    if short:
        return Dependency(
            "warning", ", ".join(f"{table}: {m} months" for table, m in short.items())
        )
    return OK


def cache_redis(*, now: datetime) -> Dependency:
    """Ping the cache server."""
    client("cache").ping()
    return OK


def lock_redis(*, now: datetime) -> Dependency:
    """Check the server of seat claims, and its clock."""
    return _redis_with_clock("lock")


def queue_redis(*, now: datetime) -> Dependency:
    """Check the waiting rooms' server, and its clock."""
    return _redis_with_clock("queue")


def _redis_with_clock(role: Role) -> Dependency:
    """Warn where a server whose functions look at its clock is far from the primary's."""
    server = client(role)
    if isinstance(server, RedisCluster):  # any of its nodes may respond
        server.ping()
        return OK
    sent = primary_clock.present()
    seconds, microseconds = server.time()
    received = primary_clock.present()
    if sent is None or received is None:
        return OK
    offset = (sent + received) / 2 - (seconds + microseconds / 1_000_000)
    if abs(offset) > CLOCK_WARNING_SECONDS + (received - sent) / 2 + primary_clock.error():
        return Dependency("warning", f"clock {clock_offset_in_words(offset)}")
    return OK


@cache
def broker_client() -> Redis:
    """Return a client of Celery's broker with short time-outs."""
    return Redis.from_url(
        settings.CELERY_BROKER_URL, socket_timeout=0.5, socket_connect_timeout=0.5
    )


def broker(*, now: datetime) -> Dependency:
    """Ping Celery's broker."""
    broker_client().ping()
    return OK


def streams(*, now: datetime) -> Dependency:
    """Say whether the live streams take listeners, as this process has read it last."""
    if not settings.STREAM_HEALTH_URL:
        return Dependency("off", "no STREAM_HEALTH_URL: pages ask")
    if not live_streams.is_open():
        return Dependency("warning", "unavailable or full: pages ask")
    return OK
