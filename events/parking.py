"""Parked keys: messages that wait for their next attempt, without blocking those of other keys.

Note [Parked keys]
A message that failed waits here with a growing pause, and every later message of its key queues
behind it, so that a key keeps its order. All others go on. A group parks a bounded number of
messages; beyond that it fetches no more until there is room.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from confluent_kafka import Message

from events.offsets import Partition, partition_of

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
MOST_PARKED = 500

Key = tuple[Partition, bytes]


def key_of(message: Message) -> Key:
    """Return what orders a message: its key within its partition."""
    return partition_of(message), message.key() or b""


@dataclass(slots=True)
class ParkedKey:
    """The messages of one key, the first of which has failed."""

    messages: deque[Message]
    due: float  # monotonic seconds
    attempts: int = 0  # at the first message, those that count
    failures: int = field(default=1)  # in a row, for the pause


class ParkedKeys:
    """The parked keys of one group in one process. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._keys: dict[Key, ParkedKey] = {}

    def __len__(self) -> int:
        """Return how many messages are parked."""
        return sum(len(parked.messages) for parked in self._keys.values())

    def __contains__(self, key: Key) -> bool:
        """Say whether a key is parked."""
        return key in self._keys

    def park(self, message: Message, *, attempts: int, now: float) -> None:
        """Park a key with its first message, which has failed."""
        self._keys[key_of(message)] = ParkedKey(
            deque([message]), due=now + FIRST_PAUSE_SECONDS, attempts=attempts
        )

    def append(self, message: Message) -> None:
        """Queue a message behind those of its key."""
        self._keys[key_of(message)].messages.append(message)

    def due(self, now: float) -> Iterator[tuple[Key, ParkedKey]]:
        """Yield the keys whose pause is over, longest waiting first."""
        waiting = [item for item in self._keys.items() if item[1].due <= now]
        yield from sorted(waiting, key=lambda item: item[1].due)

    def next_due(self) -> float | None:
        """Return when the next pause is over; None while nothing is parked."""
        return min((parked.due for parked in self._keys.values()), default=None)

    def postpone(self, key: Key, *, attempts: int, now: float) -> None:
        """Let a key wait again, longer than before."""
        parked = self._keys[key]
        parked.attempts = attempts
        pause = FIRST_PAUSE_SECONDS * 2**parked.failures
        parked.due = now + min(pause, LONGEST_PAUSE_SECONDS)
        parked.failures = min(parked.failures + 1, 10)

    def advance(self, key: Key) -> None:
        """Remove the first message of a key, and the key with its last one."""
        parked = self._keys[key]
        parked.messages.popleft()
        parked.attempts = 0
        parked.failures = 0
        if not parked.messages:
            del self._keys[key]

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget what was parked of partitions that are no longer ours."""
        gone = set(partitions)
        self._keys = {key: parked for key, parked in self._keys.items() if key[0] not in gone}
