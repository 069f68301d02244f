"""How far the dead letters of a consumer group are settled: replayed or dropped.

Note [Progress of a replay]
Kafka keeps it, as the committed offsets of a group named after the consumer group: all letters of
that group before the offset are settled. What is settled behind one that is not stands in the
offset's metadata, as ranges of offsets (`17-19,23-23`; the letters of other groups in between don't
matter). A replay of one group steps over the letters of the others and leaves their progress alone.
"""

from confluent_kafka import TopicPartition

from events import letters

PREFIX = "frontrow-replay."
_MOST_METADATA = 4_000  # bytes; brokers take 4,096 where nothing else is configured

Range = tuple[int, int]  # the first and the last offset


class TooManyGaps(Exception):
    """So many older letters are not settled between newer ones that Kafka can't keep which."""


class _Settled:
    """What is settled in one partition, while its letters are walked through in order."""

    def __init__(self, offset: int, metadata: str) -> None:
        self.before = max(0, offset)  # all letters before it are settled
        self._earlier: list[Range] = _parse(metadata)  # as kept, not yet walked through
        self._walked: list[Range] = []
        self._is_gap = False  # the last letter was left

    def includes(self, offset: int) -> bool:
        return offset < self.before or any(
            first <= offset <= last for first, last in self._earlier + self._walked
        )

    def leave(self) -> None:
        self._is_gap = True

    def settle(self, offset: int) -> None:
        self._earlier = [(first, last) for first, last in self._earlier if last > offset]
        if not self._walked and not self._is_gap:
            self.before = max(self.before, offset + 1)
        elif self._is_gap:
            self._walked.append((offset, offset))
        else:
            self._walked[-1] = (self._walked[-1][0], offset)
        self._is_gap = False

    def metadata(self) -> str:
        return ",".join(f"{first}-{last}" for first, last in self._walked + self._earlier)


class ReplayProgress:
    """The settled letters of one consumer group; ask for its letters in their order."""

    def __init__(self, group: str, partitions: list[TopicPartition]) -> None:
        self._client = letters.client(PREFIX + group)
        self._topic = partitions[0].topic
        self._settled = {
            one.partition: _Settled(one.offset, one.metadata or "")
            for one in self._client.committed(partitions, timeout=letters.READ_SECONDS)
        }

    def is_settled(self, letter: letters.Letter) -> bool:
        """Say whether a letter was replayed or dropped; one that was is walked past."""
        settled = self._settled[letter.place.partition]
        if settled.includes(letter.place.offset):
            settled.settle(letter.place.offset)
            return True
        return False

    def leave(self, letter: letters.Letter) -> None:
        """Walk past a letter that stays as it is."""
        self._settled[letter.place.partition].leave()

    def settle(self, letter: letters.Letter) -> None:
        """Keep in Kafka that a letter is settled. Raises `TooManyGaps`."""
        place = letter.place
        settled = self._settled[place.partition]
        settled.settle(place.offset)
        metadata = settled.metadata()
        if len(metadata) > _MOST_METADATA:
            raise TooManyGaps(f"{place}: replay or drop the older letters first")
        partition = TopicPartition(self._topic, place.partition, settled.before, metadata=metadata)
        self._client.commit(offsets=[partition], asynchronous=False)

    def close(self) -> None:
        """Leave Kafka."""
        self._client.close()


def _parse(metadata: str) -> list[Range]:
    pairs = (part.split("-") for part in metadata.split(",") if part)
    return [(int(first), int(last)) for first, last in pairs]
