"""Rate limits of the API, on the library `limits`.

Note [Rate limits]
A limit belongs to a route and counts per person, or per address while nobody is logged in. Most
routes have a budget of round trips, so each process counts them by itself and n processes let n
times the limit pass: the aim is to stop a runaway client, not to meter. Routes in
`SHARED_RATE_LIMITS` (what costs money) are counted in the cache Redis for all processes, by each
process alone while it is away. Joins and holds are counted elsewhere (Note [Limits in a function]).
Staff may set a route's limit by a row (Note [Tuned limits] in kernel/rate_limits.py).
429 only ever means "slow down" and says for how long.
"""

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from kernel.api.caller import Caller
from kernel.rate_limits import Rate, rate_of
from kernel.redis.breaker import PartUnavailable
from kernel.redis.limits import address_tag
from kernel.redis.roles import client, guarded

refused = Counter("frontrow_rate_limited_total", "Requests answered 429, by route", ["route"])

_SWEEP_SECONDS = 15.0
MOST_COUNTERS = 100_000  # of one process, about 300 bytes each


class RouteThrottle(BaseThrottle):
    """Limit the route a view names in `throttle_route` (see `settings.RATE_LIMITS`)."""

    _wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request; leave what the answer's headers say on the request.

        A view whose route is None isn't counted here: a function counts while it does the work.
        """
        route = _route(request, view)
        if route is None:
            return True
        counted = count(route, _who(request))
        request._request.rate_limit = counted.headers  # type: ignore[attr-defined]
        self._wait = counted.wait
        return counted.wait is None

    def wait(self) -> float | None:
        """Return the seconds after which a request may pass again."""
        return self._wait


@dataclass(frozen=True, slots=True)
class Counted:
    """One call counted: RateLimit-Policy and RateLimit, and how long a refused one shall wait."""

    headers: tuple[str, str]
    wait: int | None = None


def count(route: str, who: str) -> Counted:
    """Count one call of `who` (a user id or an address) to `route` of `settings.RATE_LIMITS`."""
    limit = _item(rate_of(route))
    try:
        allowed, window = _hit(_limiter(route), limit, route, who)
    except PartUnavailable:
        allowed, window = _hit(_own(), limit, route, who)
    reset = max(1, math.ceil(window.reset_time - time.time()))
    if not allowed:
        refused.labels(route).inc()
    return Counted(
        rate_limit_fields(
            route,
            amount=limit.amount,
            window=limit.get_expiry(),
            left=window.remaining,
            reset=reset,
        ),
        None if allowed else reset,
    )


def rate_limit_fields(
    name: str, *, amount: int, window: int, left: int, reset: int
) -> tuple[str, str]:
    """Return the values of RateLimit-Policy and RateLimit; window and reset in seconds."""
    return f'"{name}";q={amount};w={window}', f'"{name}";r={max(0, left)};t={reset}'


class _SweptMemoryStorage(MemoryStorage):
    """In-process counters, swept every few seconds, and bounded.

    The library sweeps all keys in a new thread every 10 ms while there are requests: with ten
    thousand fans that is most of a core. It keeps any number of keys; here all are forgotten past
    `MOST_COUNTERS`, which lets somebody call a little more often.
    """

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        if len(self.expirations) >= MOST_COUNTERS and key not in self.expirations:
            self.reset()
        return super().incr(key, expiry, amount)

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802  (the library's private name)
        if not self.timer.is_alive():
            self.timer = threading.Timer(_SWEEP_SECONDS, self._MemoryStorage__expire_events)  # type: ignore[attr-defined]
            self.timer.daemon = True
            self.timer.start()


def _route(request: Request, view: Any) -> str | None:
    route: Any = getattr(view, "throttle_route", "default")
    if isinstance(route, dict):  # by method, where one address serves several routes
        route = route.get(request.method, "default")
    if route == "default" and not isinstance(request.user, Caller):
        return "anonymous"
    return route  # type: ignore[no-any-return]


def _who(request: Request) -> str:
    if isinstance(request.user, Caller):
        return str(request.user.user_id)
    return address_tag(client_address(request._request))


def client_address(request: HttpRequest) -> str:
    """Return the caller's address as the outermost trusted proxy saw it."""
    return address_in(request.META)


def address_in(environ: Mapping[str, Any]) -> str:
    """Return the caller's address from a WSGI environment."""
    proxies = settings.TRUSTED_PROXY_COUNT
    forwarded = environ.get("HTTP_X_FORWARDED_FOR", "") if proxies else ""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    if len(hops) >= proxies > 0:
        return str(hops[-proxies])
    return str(environ.get("REMOTE_ADDR", ""))


def _hit(limiter: Any, limit: RateLimitItem, route: str, who: str) -> tuple[bool, Any]:
    if limiter is _own():
        return limiter.hit(limit, route, who), limiter.get_window_stats(limit, route, who)
    return guarded(
        "cache",
        lambda _: (limiter.hit(limit, route, who), limiter.get_window_stats(limit, route, who)),
    )


def _limiter(route: str) -> SlidingWindowCounterRateLimiter:
    return _shared() if route in settings.SHARED_RATE_LIMITS else _own()


@cache
def _own() -> SlidingWindowCounterRateLimiter:
    return SlidingWindowCounterRateLimiter(_SweptMemoryStorage())


@cache
def _shared() -> SlidingWindowCounterRateLimiter:
    # The pool is the cache role's: same server, same time-outs.
    storage = RedisStorage(
        "redis://", connection_pool=client("cache").connection_pool, key_prefix="fr:c:limit"
    )
    return SlidingWindowCounterRateLimiter(storage)


@lru_cache(maxsize=256)
def _item(rate: Rate) -> RateLimitItem:
    return RateLimitItemPerSecond(rate.amount, rate.period_seconds)
