"""Rate limits of the API: in the process, or for all of them on the library `limits`.

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
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from kernel import pace
from kernel.api.caller import Caller
from kernel.rate_limits import Rate, rate_limit_fields, rate_of
from kernel.redis.breaker import PartUnavailable
from kernel.redis.limits import address_tag
from kernel.redis.roles import client, guarded

refused = Counter("frontrow_rate_limited_total", "Requests answered 429, by route", ["route"])

_callers = pace.Pace(most=100_000)  # about 200 bytes each


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
    rate = rate_of(route)
    shared = route in settings.SHARED_RATE_LIMITS
    left, reset, is_refused = _count_shared(route, who, rate) if shared else _own(route, who, rate)
    if is_refused:
        refused.labels(route).inc()
    fields = rate_limit_fields(
        route, amount=rate.amount, window=rate.period_seconds, left=left, reset=reset
    )
    return Counted(fields, reset if is_refused else None)


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


def _own(route: str, who: str, rate: Rate) -> pace.Counted:
    return _callers.count((route, who), rate, now=time.time())


def _count_shared(route: str, who: str, rate: Rate) -> pace.Counted:
    limit = RateLimitItemPerSecond(rate.amount, rate.period_seconds)

    def hit(_: Any) -> pace.Counted:
        allowed = _shared().hit(limit, route, who)
        window = _shared().get_window_stats(limit, route, who)
        reset = max(1, math.ceil(window.reset_time - time.time()))
        return pace.Counted(window.remaining, reset, not allowed)

    try:
        return guarded("cache", hit)
    except PartUnavailable:
        return _own(route, who, rate)


@cache
def _shared() -> SlidingWindowCounterRateLimiter:
    # The pool is the cache role's: same server, same time-outs.
    storage = RedisStorage(
        "redis://", connection_pool=client("cache").connection_pool, key_prefix="fr:c:limit"
    )
    return SlidingWindowCounterRateLimiter(storage)


def forget() -> None:
    """Forget whom this process has counted."""
    _callers.clear()
    _shared.cache_clear()
