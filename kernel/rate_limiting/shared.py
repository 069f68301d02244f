"""Limits that all processes count together, by a function of the cache Redis."""

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from kernel import clock
from kernel.rate_limiting import in_redis
from kernel.rate_limiting.gcra import GcraResult
from kernel.rate_limiting.rates import Rate
from kernel.redis.functions import FunctionLibrary

_LIBRARY = FunctionLibrary("cache", in_redis.SOURCE, Path(__file__).with_name("limits_library.lua"))


def count_many(route: str, callers: Sequence[str], rate: Rate) -> list[GcraResult]:
    """Count a call of each caller to `route`: one call of the server.

    A caller who stands there twice is counted twice. Raises DependencyUnavailable; then the calls
    may be counted.
    """
    counted = _LIBRARY.call(
        "frontrow_limits_v1_count",
        keys=[f"fr:c:{{limit:{route}}}:{who}" for who in callers],
        args=[
            clock.to_ms(clock.now()),
            settings.QUEUE_CLOCK_SKEW_MS,
            rate.amount,
            rate.period_seconds * 1000,
        ],
    )
    of_each = zip(counted[::3], counted[1::3], counted[2::3], strict=True)
    return [GcraResult(remaining, reset, bool(refused)) for remaining, reset, refused in of_each]
