"""Limits that a Redis function counts while it does its work.

Note [Limits in a function]
The busiest routes may cost one round trip, so their limits are counted inside the function that
does the work: its library is assembled with `SOURCE` in front, its keys include one a caller
(`fr:...:{tag}:n:<route>:<who>`), and it returns what `count_call` returned. A function that counts
many callers keeps their arrivals itself, by `count_after` (queueing/lua/queue_limits.lua). A limit
is exact across all processes, and belongs to the hash tag (one performance), because a function
of a cluster may touch no other slot.
All callers count by one clock: a room's own (Note [Clocks] in queueing/README.md), else the
caller's, at most `QUEUE_CLOCK_SKEW_MS` away from the server's. A count is never dropped because it
looks far ahead, which it does to a host that is behind: a key names the limit it was counted by,
and only another limit converts it. So what hosts' clocks differ by is all that may count twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import Counter

from kernel.errors import DomainError, Kind
from kernel.i18n import text
from kernel.rate_limiting.headers import RateLimitStatus, rate_limit_fields
from kernel.rate_limiting.rates import rate_of

SOURCE = Path(__file__).with_name("gcra.lua")

refused = Counter(
    "frontrow_function_limited_total", "Calls refused by a limit counted in a function", ["limit"]
)


class RateLimited(DomainError):
    """Too many calls; `retry_after` says for how long to wait."""

    code = "rate_limited"
    kind = Kind.TOO_MANY
    message = text(
        en="Slow down; `Retry-After` says how long.",
        ko="요청이 너무 많습니다. 잠시 후 다시 시도해 주세요.",
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """`amount` calls in any `period_ms`; an amount of 0 means no limit."""

    name: str
    amount: int
    period_ms: int

    @property
    def args(self) -> tuple[int, int]:
        """Return what the Lua function takes."""
        return (self.amount, self.period_ms)


def limit_of(route: str) -> Limit:
    """Return the limit in force for a route of `settings.RATE_LIMITS`; staff may have set it."""
    rate = rate_of(route)
    return Limit(route, rate.amount, rate.period_seconds * 1000)


def check_limit(limit_status: RateLimitStatus | None, counted: Sequence[Any]) -> None:
    """Write what a function counted to `limit_status`; raise `RateLimited` where it refused.

    `counted`: name, amount, period in ms, calls remaining, seconds until reset, 1 if refused; or
    nothing, where no limit was counted.
    """
    if not counted:
        return
    name = counted[0].decode() if isinstance(counted[0], bytes) else str(counted[0])
    amount, period_ms, remaining, reset, is_refused = map(int, counted[1:6])
    if limit_status is not None:
        limit_status.fields = rate_limit_fields(
            name,
            amount=amount,
            window=max(1, period_ms // 1000),
            remaining=remaining,
            reset=reset,
        )
    if is_refused:
        refused.labels(name).inc()
        raise RateLimited(retry_after=reset)
