"""The fixed keys of the demo: one for each generation, kind and number."""

from datetime import UTC, datetime
from uuid import UUID

from kernel.ids import first_uuid7_at

_BASE = first_uuid7_at(datetime(2026, 1, 1, tzinfo=UTC)).int

PERSON, VENUE, CONCERT, PERFORMANCE, GRANT = range(1, 6)


def key(kind: int, number: int, *, generation: int = 0) -> UUID:
    """Return the UUIDv7 of one row of the demo."""
    return UUID(int=_BASE + (generation << 32) + (kind << 16) + number)
