"""Django's default cache, which falls back to the memory of the process.

django-allauth counts logins in the default cache and refuses them when it fails. Losing the cache
role must cost no more than speed, so while it is unavailable each process counts by itself.

Note [Evictable counts]
The cache server may evict any key when it is full, and keeps nothing over a restart. allauth's
counts of failed logins, and ours (accounts/attempts.py), are kept there all the same: an evicted
count gives an attacker one more series of tries against a password that is hashed with Argon2 and
still limited per client IP in each process, while a count in a server that does not evict could
fill it. Nothing that decides about seats or money is kept there.
"""

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django_redis.cache import RedisCache

from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import breaker

_own = LocMemCache("while-redis-is-unavailable", {"MAX_ENTRIES": 10_000})


class FallbackCache(RedisCache):  # type: ignore[misc]  # django-redis has no types
    """The cache role behind its breaker; where that is open, the memory of this process."""

    def add(self, *args: Any, **kwargs: Any) -> Any:
        return self._try(super().add, _own.add, *args, **kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._try(super().get, _own.get, *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self._try(super().set, _own.set, *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self._try(super().delete, _own.delete, *args, **kwargs)

    @staticmethod
    def _try(
        first: Callable[..., Any], second: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        try:
            return breaker("cache").call(lambda: first(*args, **kwargs))
        except DependencyUnavailable:
            return second(*args, **kwargs)
