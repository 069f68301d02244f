"""Rate limits of the API's routes, counted per person.

Note [Rate limits]
A limit belongs to a route and counts per person; every call was counted by client IP before (Note
[Counted first] in kernel/http/call_limits.py). Most routes have a budget of round trips, so each
process counts them by itself and n processes let n times the limit pass: the aim is to stop a
runaway client, not to meter. Routes in `SHARED_RATE_LIMITS` (what costs money) are counted in the
cache Redis for all processes by the library `limits`, and by each process alone while that server
is unavailable. Joins and holds are counted elsewhere (Note [Limits in a function]). A person's call
that was refused as malformed counts for the route "refused" too, wherever it went.
Staff may set a route's limit by a row (Note [Tuned limits] in kernel/rate_limiting/rates.py).
429 only ever means "slow down" and says for how long.
"""

import math
import time
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.conf import settings
from limits import RateLimitItemPerSecond
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Counter
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from kernel import clock
from kernel.caller import Caller
from kernel.rate_limiting.gcra import Gcra, GcraResult
from kernel.rate_limiting.headers import RATE_LIMIT, rate_limit_fields
from kernel.rate_limiting.rates import Rate, rate_of
from kernel.redis.breaker import DependencyUnavailable
from kernel.redis.clients import client, guarded

refused = Counter("frontrow_rate_limited_total", "Requests answered 429, by route", ["route"])

# In a WSGI environment: the user id of the person by whose own limit the call is counted.
PERSON = "frontrow.person"
_REFUSED = "refused"

_callers = Gcra(most=100_000)  # about 200 bytes each


class RouteThrottle(BaseThrottle):
    """Limit the route a view names in `throttle_route` (see `settings.RATE_LIMITS`)."""

    _wait: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count the request, and put the response's rate-limit headers on it.

        Calls without a login were counted before (Note [Counted first]). A view whose route is None
        is not counted here: a function counts while it does the work.
        """
        caller = request.user
        if not isinstance(caller, Caller):
            return True
        counted = count_person(request.META, caller.user_id)
        route = route_of(str(request.method), view)
        if counted is None and route is not None:
            counted = count(route, str(caller.user_id))
        if counted is None:
            return True
        request.META[RATE_LIMIT] = counted.headers
        self._wait = counted.wait
        return counted.wait is None

    def wait(self) -> float | None:
        """Return the seconds after which a request may pass again."""
        return self._wait


@dataclass(frozen=True, slots=True)
class ThrottleResult:
    """One counted call: its two header values, and how long to wait where it is refused."""

    headers: tuple[str, str]
    wait: int | None = None


def count(route: str, who: str) -> ThrottleResult:
    """Count one call of `who` (a user id) to `route` of `settings.RATE_LIMITS`."""
    rate = rate_of(route)
    shared = route in settings.SHARED_RATE_LIMITS
    counted = _count_shared(route, who, rate) if shared else _own(route, who, rate)
    if counted.is_refused:
        refused.labels(route).inc()
    return described(route, rate, counted)


def count_person(environ: dict[str, Any], user_id: UUID) -> ThrottleResult | None:
    """Count a call by this person's limits from here on, no more by its client IP's.

    Return the refusal of a person whose recent calls were refused too often, else None.
    """
    rate = rate_of(_REFUSED)
    spent = _callers.is_spent((_REFUSED, str(user_id)), rate, now=clock.now().timestamp())
    if spent is not None:
        refused.labels(_REFUSED).inc()
        return described(_REFUSED, rate, spent)
    environ[PERSON] = str(user_id)
    return None


def charge_refusal(user_id: str) -> ThrottleResult:
    """Count a call of a person that was refused before it began."""
    rate = rate_of(_REFUSED)
    return described(
        _REFUSED, rate, _callers.charge((_REFUSED, user_id), rate, 1, now=clock.now().timestamp())
    )


def described(route: str, rate: Rate, counted: GcraResult) -> ThrottleResult:
    """Return a counted call with the header fields of its route's limit."""
    fields = rate_limit_fields(
        route,
        amount=rate.amount,
        window=rate.period_seconds,
        remaining=counted.remaining,
        reset=counted.reset,
    )
    return ThrottleResult(fields, counted.reset if counted.is_refused else None)


def route_of(method: str, view: Any) -> str | None:
    """Return the route that a view's calls by `method` count for; None: a function counts them."""
    route: str | dict[str, str | None] | None = getattr(view, "throttle_route", "default")
    if isinstance(route, dict):  # by method, where one URL serves several routes
        return route.get(method, "default")
    return route


def _own(route: str, who: str, rate: Rate) -> GcraResult:
    return _callers.count((route, who), rate, now=clock.now().timestamp())


def _count_shared(route: str, who: str, rate: Rate) -> GcraResult:
    limit = RateLimitItemPerSecond(rate.amount, rate.period_seconds)

    def hit(_: Any) -> GcraResult:
        allowed = _shared().hit(limit, route, who)
        window = _shared().get_window_stats(limit, route, who)
        reset = max(1, math.ceil(window.reset_time - time.time()))
        return GcraResult(window.remaining, reset, not allowed)

    try:
        return guarded("cache", hit)
    except DependencyUnavailable:
        return _own(route, who, rate)


@cache
def _shared() -> SlidingWindowCounterRateLimiter:
    # The pool is the cache role's: same server, same time-outs.
    storage = RedisStorage(
        "redis://", connection_pool=client("cache").connection_pool, key_prefix="fr:c:limit"
    )
    return SlidingWindowCounterRateLimiter(storage)


def forget_callers() -> None:
    """Drop every caller that this process has counted."""
    _callers.clear()
    _shared.cache_clear()
