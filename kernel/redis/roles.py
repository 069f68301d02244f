"""The Redis roles: one server each, so that each can fail alone.

django-redis owns the pooled connections (settings.CACHES has an alias a role); this module adds
the breaker. Time-outs are short: a gate that is slow is a gate that is away.
"""

from collections.abc import Callable
from functools import cache
from typing import Literal, TypeVar

from django_redis import get_redis_connection
from redis import Redis
from redis import exceptions as redis_errors

from kernel.redis.breaker import Breaker

Role = Literal["cache", "lock", "queue"]
T = TypeVar("T")

AWAY = (
    redis_errors.ConnectionError,
    redis_errors.TimeoutError,
    redis_errors.BusyLoadingError,
    redis_errors.OutOfMemoryError,
)
_ALIASES: dict[Role, str] = {"cache": "default", "lock": "lock", "queue": "queue"}


def client(role: Role) -> Redis:
    """Return the role's client (thread-safe, pooled, opened on first use)."""
    connection: Redis = get_redis_connection(_ALIASES[role])
    return connection


@cache
def breaker(role: Role) -> Breaker:
    """Return this process's breaker of the role."""
    return Breaker(f"redis_{role}", failures_on=AWAY)


def guarded(role: Role, call: Callable[[Redis], T]) -> T:
    """Run `call` with the role's client; raises `PartUnavailable` when the role is away."""
    return breaker(role).call(lambda: call(client(role)))
