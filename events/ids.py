"""Keys of the outbox and the inbox."""

from hashlib import sha256
from uuid import UUID

SHARDS = 16

_TIME_BITS = 48
_HASHED_BITS = 128 - _TIME_BITS


def shard_of(aggregate_id: UUID) -> int:
    """Return the shard, 0..15, that orders the aggregate's events; the same in every process."""
    return sha256(aggregate_id.bytes).digest()[0] % SHARDS


def inbox_key(event_id: UUID, group: str) -> UUID:
    """Return the key of `group` having applied the event: same time, the rest hashed.

    It is shaped as a UUIDv7 with the event's own time, so it falls into the partition of the
    event's month however late the event is applied. Raises `ValueError` for another version.
    """
    if event_id.version != 7:
        raise ValueError(f"event id {event_id} is not a UUIDv7")
    digest = sha256(event_id.bytes + group.encode()).digest()
    hashed = int.from_bytes(digest[: _HASHED_BITS // 8], "big")
    value = (event_id.int >> _HASHED_BITS) << _HASHED_BITS | hashed
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0b11 << 62) | (0b10 << 62)
    return UUID(int=value)
