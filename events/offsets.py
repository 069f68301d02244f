"""Which messages of a group are under way, and the offsets that may be committed.

Note [Offsets behind parked messages]
Kafka keeps one offset a partition: all before it is done. A message that is parked holds it back,
and what was applied behind it may be delivered again after a crash, where the inbox finds it.
"""

from collections.abc import Iterable

from confluent_kafka import Message

Partition = tuple[str, int]


def partition_of(message: Message) -> Partition:
    """Return topic and number of a message's partition."""
    return message.topic() or "", message.partition() or 0


class OffsetTracker:
    """The messages that were begun, by partition; each partition's begin in ascending order."""

    def __init__(self) -> None:
        self._under_way: dict[Partition, dict[int, None]] = {}  # in ascending order
        self._next: dict[Partition, int] = {}  # behind the last one that was begun
        self._committed: dict[Partition, int] = {}

    def begin(self, message: Message) -> None:
        """Remember that a message is under way."""
        partition, offset = partition_of(message), message.offset() or 0
        self._under_way.setdefault(partition, {})[offset] = None
        self._next[partition] = offset + 1

    def finish(self, message: Message) -> None:
        """Remember that a message needs no more work."""
        self._under_way[partition_of(message)].pop(message.offset() or 0, None)

    def committable(self, partitions: Iterable[Partition] | None = None) -> dict[Partition, int]:
        """Return the offsets to commit, by partition: all before them is done, and it is news."""
        chosen = self._next.keys() if partitions is None else partitions
        found = {}
        for partition in chosen:
            if partition in self._next:
                offset = next(iter(self._under_way[partition]), self._next[partition])
                if offset > self._committed.get(partition, -1):
                    found[partition] = offset
        return found

    def committed(self, offsets: dict[Partition, int]) -> None:
        """Remember what was committed."""
        self._committed |= offsets

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget partitions that are no longer ours."""
        for partition in partitions:
            for kept in (self._under_way, self._next, self._committed):
                kept.pop(partition, None)
