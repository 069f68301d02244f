"""The present, for the whole product: the primary's clock as this process knows it.

Only edges (views, tasks, consumers, commands, middleware) call `now()`; everything below
them takes `now`, so that a deadline is judged at the moment the request arrived and tests choose
the time.

Note [One clock]
Deadlines are written and judged by many hosts, so all of them go by one clock: the primary's.
Each process measures it (kernel/db/primary_clock.py, which the app `kernel` passes to `follow` at
boot) and `now` is that clock, carried on by the
host's steady one, which no correction of the host's time can move. A process that has not yet
reached the primary goes by its host's clock; nothing can be decided without the primary anyway.
A job that ends what belongs to others (the sweep, the purge) also asks the primary in its own
statement: `kernel.db.primary_time`. Redis servers know nothing of the primary, so their functions
take `now_ms` and count durations by it; their own clocks only bound a host that is wrong (Note
[Clocks] in queueing/README.md, Note [Limits in a function] in kernel/rate_limiting/in_redis.py).

Note [One form of times]
Strict readers (fixed patterns, Swift's `.iso8601`) take one number of digits, so every time that
leaves the site is UTC with exactly three of them and `Z`: responses of Django and of the fast
paths, refusals, cached documents, events. `as_text` writes it; what is below a millisecond is cut,
as `to_ms` does, so no deadline is shown later than it is. Serializers take `UtcDateTimeField`, and
what is encoded without a serializer goes through `kernel.http.rendering`.
"""

from collections.abc import Callable
from datetime import UTC, datetime


def _unknown() -> float | None:
    return None


_present: Callable[[], float | None] = _unknown


def follow(present: Callable[[], float | None]) -> None:
    """Go by another clock than the host's from now on.

    `present` returns seconds since the Unix epoch, None while it does not know them.
    """
    global _present  # noqa: PLW0603  (one clock a process)
    _present = present


def now() -> datetime:
    """Return the present as an aware UTC datetime."""
    seconds = _present()
    return datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)


def as_text(moment: datetime) -> str:
    """Return an aware moment as RFC 3339 in UTC with milliseconds (Note [One form of times])."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def to_ms(moment: datetime) -> int:
    """Return whole milliseconds since the Unix epoch, as the Redis functions take them."""
    return int(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """Return the aware UTC datetime of milliseconds since the Unix epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
