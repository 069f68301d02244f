"""The settings of the Redis roles cache, lock and queue (the broker is Celery's)."""

from typing import Any

from kernel import env

_SCHEMES = ("redis", "rediss")
# The waiting rooms and seat claims also run on a cluster; its URL names any nodes.
_CLUSTER_SCHEMES = (*_SCHEMES, "redis+cluster", "rediss+cluster")
# A slower reply counts as none.
_TIMEOUT_SECONDS = 0.5


def _role(
    name: str,
    meaning: str,
    *,
    backend: str = "django_redis.cache.RedisCache",
    schemes: tuple[str, ...] = _CLUSTER_SCHEMES,
) -> dict[str, Any]:
    return {
        "BACKEND": backend,
        "LOCATION": env.url(f"REDIS_{name}_URL", schemes=schemes, secret=True, help=meaning),
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": _TIMEOUT_SECONDS,
            "SOCKET_TIMEOUT": _TIMEOUT_SECONDS,
            "CONNECTION_POOL_KWARGS": {"max_connections": 256, "health_check_interval": 30},
        },
        "KEY_PREFIX": "fr:c",
    }


CACHES = {
    "default": _role(
        "CACHE",
        "Cache; may evict, may be lost.",
        backend="kernel.caching.fallback.FallbackCache",
        schemes=_SCHEMES,
    ),
    "lock": _role("LOCK", "Seat claims; losing it slows holds, nothing else."),
    "queue": _role("QUEUE", "Waiting rooms."),
}
