"""Identifiers: UUIDv7 (RFC 9562), made in Python, ordered by creation time."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7 as _uuid7


def uuid7() -> UUID:
    """Return a new UUIDv7, of this host's clock; no deadline depends on it."""
    return _uuid7()


def first_uuid7_at(moment: datetime) -> UUID:
    """Return the smallest UUIDv7 a generator could make at `moment` (millisecond precision).

    Range partitions on a UUIDv7 key use it as their bound.
    """
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0b10 << 62))
