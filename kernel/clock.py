"""The one source of the present: the primary's clock, as this process knows it.

Only edges (views, tasks, consumers, commands, middleware) ask what time it is; everything below
them takes `now`, so that a deadline is judged at the moment the request arrived and tests choose
the time.

Note [One clock]
Deadlines are written and judged by many hosts, so all of them go by one clock: the primary's.
Each process measures it (kernel/primary_clock.py) and `now` is that clock, carried on by the
host's steady one, which no correction of the host's time can move. A process that has not yet
reached the primary goes by its host's clock; nothing can be decided without the primary anyway.
A job that ends what belongs to others (the sweep, the purge) also asks the primary in its own
statement: `kernel.db.primary_time`. Redis servers know nothing of the primary, so their functions
take `now_ms` and count durations by it; their own clocks only bound a host that is wrong (Note
[Clocks] in queueing/README.md, Note [Limits in a function] in kernel/redis/limits.py).
"""

from datetime import UTC, datetime

from kernel import primary_clock


def now() -> datetime:
    """Return the present as an aware UTC datetime."""
    seconds = primary_clock.present()
    return datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)


def to_ms(moment: datetime) -> int:
    """Return whole milliseconds since the Unix epoch, as the Redis functions take them."""
    return int(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """Return the aware UTC datetime of milliseconds since the Unix epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
