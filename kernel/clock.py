"""The one source of the present.

Only edges (views, tasks, consumers, commands, middleware) ask what time it is; everything below
them takes `now`, so that a deadline is judged at the moment the request arrived and tests choose
the time.
"""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present as an aware UTC datetime."""
    return datetime.now(UTC)


def to_ms(moment: datetime) -> int:
    """Return whole milliseconds since the Unix epoch, as the Redis functions take them."""
    return int(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """Return the aware UTC datetime of milliseconds since the Unix epoch."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
