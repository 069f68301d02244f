"""Django's cache for libraries that count or remember in it and can't do without an answer.

django-allauth counts log-ins in the default cache and refuses when it fails. The cache role may
be lost without anybody noticing more than slowness, so while it is away each process remembers
by itself.
"""

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django_redis.cache import RedisCache

from kernel.redis.breaker import PartUnavailable
from kernel.redis.clients import breaker

_own = LocMemCache("while-redis-is-away", {"MAX_ENTRIES": 10_000})


class ForgivingCache(RedisCache):
    """The cache role behind its breaker, with this process's memory as the second best."""

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
        except PartUnavailable:
            return second(*args, **kwargs)
