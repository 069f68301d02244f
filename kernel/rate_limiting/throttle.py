"""Rate limits of the API's routes, counted per person.

Note [Rate limits]
A limit belongs to a route and counts per person, for a machine per API key whatever the route;
every call was counted by client IP before (Note
[Counted first] in kernel/http/call_limits.py). Most routes have a budget of round trips, so each
process counts them by itself and n processes let n times the limit pass: the aim is to stop a
runaway client, not to meter. Routes in `SHARED_RATE_LIMITS` (what costs money or shows names) are
counted in the cache Redis for all processes (shared.py), and by each process alone while that
server is unavailable. Joins and holds are counted elsewhere (Note [Limits in a function]). A
person's call that was refused as malformed counts for the route "refused" too, wherever it went.
Staff may set a route's limit by a row (Note [Tuned limits] in kernel/rate_limiting/rates.py).
429 only ever means "slow down" and says for how long.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from prometheus_client import Counter
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from kernel import clock
from kernel.caller import Caller, Machine, Sender
from kernel.from_settings import from_settings
from kernel.rate_limiting import shared
from kernel.rate_limiting.gcra import Gcra, GcraResult
from kernel.rate_limiting.headers import RATE_LIMIT, rate_limit_fields
from kernel.rate_limiting.rates import Rate, rate_of
from kernel.redis.breaker import DependencyUnavailable

refused = Counter("frontrow_rate_limited_total", "Requests answered 429, by route", ["route"])

# In a WSGI environment: the user id of the person, or the server, by whose limit the call counts.
PERSON = "frontrow.person"
_REFUSED = "refused"
MACHINE = "machine"  # the route of every call by an API key

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
        if not isinstance(caller, (Caller, Machine)):
            return True
        counted = count_person(request.META, caller.pk)
        route = MACHINE if isinstance(caller, Machine) else route_of(str(request.method), view)
        if counted is None and route is not None:
            counted = count(route, str(caller.pk))
        if counted is None:
            return True
        request.META[RATE_LIMIT] = counted.headers
        self._wait = counted.wait
        return counted.wait is None

    def wait(self) -> float | None:
        """Return the seconds after which a request may pass again."""
        return self._wait


class ThrottleResult(NamedTuple):
    """One counted call: its two header values, and how long to wait where it is refused."""

    headers: tuple[str, str]
    wait: int | None = None


def count(route: str, who: str) -> ThrottleResult:
    """Count one call of `who` (a user id) to `route` of `settings.RATE_LIMITS`."""
    if route in _shared_routes():
        [counted] = count_many(route, [who])
        return counted
    return count_here(route, who, now=clock.now().timestamp())


def count_here(route: str, who: str, *, now: float) -> ThrottleResult:
    """Count one call at `now` (in seconds) by this process alone; no I/O."""
    rate = rate_of(route)
    counted = _callers.count((route, who), rate, now=now)
    if counted.is_refused:
        refused.labels(route).inc()
    return described(route, rate, counted)


def count_many(route: str, callers: Sequence[str]) -> list[ThrottleResult]:
    """Count a call of each caller, in their order; one call of a server, or none."""
    rate = rate_of(route)
    is_shared = route in _shared_routes()
    counted = (_shared if is_shared else _own)(route, callers, rate)
    is_refused = [one.is_refused for one in counted]
    if any(is_refused):
        refused.labels(route).inc(sum(is_refused))
    return [described(route, rate, one) for one in counted]


def count_person(environ: dict[str, Any], user_id: UUID) -> ThrottleResult | None:
    """Count a call by this person's limits from here on, no more by its client IP's.

    Return the refusal of a person whose recent calls were refused too often, else None.
    """
    who = str(user_id)
    spent = refused_too_often(who, now=clock.now().timestamp())
    if spent is None:
        environ[PERSON] = who
    return spent


def refused_too_often(who: str, *, now: float) -> ThrottleResult | None:
    """Return the refusal at `now` (seconds) of a person (a user id) who was refused too often."""
    if (_REFUSED, who) not in _callers:
        return None
    rate = rate_of(_REFUSED)
    spent = _callers.is_spent((_REFUSED, who), rate, now=now)
    if spent is None:
        return None
    refused.labels(_REFUSED).inc()
    return described(_REFUSED, rate, spent)


def count_sender(environ: dict[str, Any], route: str, sender: Sender) -> ThrottleResult:
    """Count a call that a server has signed by its route's limit, no more by its client IP's."""
    environ[PERSON] = f"sender {sender.name}"
    counted = count(route, sender.name)
    environ[RATE_LIMIT] = counted.headers
    return counted


def count_spared(caller: Caller | Machine) -> ThrottleResult:
    """Count a call that its spent client IP does not stop, by the limit that its caller has."""
    return count(MACHINE if isinstance(caller, Machine) else "default", str(caller.pk))


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


def _own(route: str, callers: Sequence[str], rate: Rate) -> list[GcraResult]:
    now = clock.now().timestamp()
    return [_callers.count((route, who), rate, now=now) for who in callers]


def _shared(route: str, callers: Sequence[str], rate: Rate) -> list[GcraResult]:
    try:
        return shared.count_many(route, callers, rate)
    except (DependencyUnavailable, RedisError):
        return _own(route, callers, rate)


@from_settings
def _shared_routes() -> frozenset[str]:
    return frozenset(settings.SHARED_RATE_LIMITS)


def forget_callers() -> None:
    """Drop every caller that this process has counted."""
    _callers.clear()
