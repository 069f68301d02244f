"""Replays: the dead letters of consumers go back to their topic.

Note [Progress of a replay]
Kafka keeps how far each consumer group's letters have been replayed, as the offset of a group
named after it. A replay of one group steps over the letters of the others and leaves their progress
alone; a replay of all groups looks at the progress of each letter's own.
"""

from collections.abc import Iterator
from contextlib import closing

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaException, Message, TopicPartition

from events import dead_letters, kafka
from events.topics import dead_letters_of

PROGRESS = "frontrow-replay."
_READ_SECONDS = 10


class OriginalGone(Exception):
    """The message of a cut letter has left its topic: it can't be replayed any more."""


class _Progress:
    """How far the letters of one group have been replayed."""

    def __init__(self, group: str, partitions: list[TopicPartition]) -> None:
        self._client = _client(PROGRESS + group)
        self._next = {
            partition.partition: partition.offset
            for partition in self._client.committed(partitions, timeout=_READ_SECONDS)
        }

    def includes(self, letter: Message) -> bool:
        return (letter.offset() or 0) < self._next[letter.partition() or 0]

    def record(self, letter: Message) -> None:
        self._client.commit(message=letter, asynchronous=False)

    def close(self) -> None:
        self._client.close()


def replay_topic(
    *, topic: str, group: str | None = None, publisher: kafka.Publisher = kafka.publisher
) -> int:
    """Send the dead letters of `topic` (of one `group`) back to it; return how many.

    Every group sees them again; those that had applied them find them in their inbox. A letter that
    was replayed is not replayed again (Note [Progress of a replay]); a replay that ends half-way
    may send its last letter twice. Raises `kafka.KafkaUnavailable`, and `OriginalGone` for a cut
    letter whose message the topic has dropped, after stepping over it.
    """
    try:
        return _replay(topic, group, publisher)
    except KafkaException as error:
        raise kafka.KafkaUnavailable(str(error)) from error


def _replay(topic: str, group: str | None, publisher: kafka.Publisher) -> int:
    count = 0
    progress: dict[str, _Progress] = {}
    with closing(_client(PROGRESS + "reader")) as reader:
        partitions = _partitions_of(reader, dead_letters_of(topic))
        try:
            for letter in _letters(reader, partitions):
                owner = dead_letters.group_of(letter)
                if group is not None and owner != group:
                    continue
                if owner not in progress:
                    progress[owner] = _Progress(owner, partitions)
                if progress[owner].includes(letter):
                    continue
                try:
                    _send_back(topic, letter, publisher)
                except OriginalGone:
                    progress[owner].record(letter)
                    raise
                progress[owner].record(letter)
                count += 1
        finally:
            for of_group in progress.values():
                of_group.close()
    return count


def _client(group: str) -> Client:
    return Client(kafka.client_settings(**{"group.id": group, "enable.auto.commit": False}))


def _partitions_of(client: Client, name: str) -> list[TopicPartition]:
    metadata = client.list_topics(name, timeout=kafka.CONNECT_SECONDS).topics[name]
    return [TopicPartition(name, partition) for partition in metadata.partitions]


def _send_back(topic: str, letter: Message, publisher: kafka.Publisher) -> None:
    origin = dead_letters.origin_of_cut(letter)
    message = letter if origin is None else _original(origin)
    again = kafka.OutgoingMessage(topic, message.key() or b"", message.value() or b"")
    if publisher.send([again]) != [kafka.Outcome.DELIVERED]:
        raise kafka.KafkaUnavailable("the replayed event was not confirmed")


def _original(origin: dead_letters.Origin) -> Message:
    partition = TopicPartition(origin.topic, origin.partition, origin.offset)
    with closing(_client(PROGRESS + "reader")) as client:
        low, high = client.get_watermark_offsets(partition, timeout=_READ_SECONDS)
        if low <= origin.offset < high:
            client.assign([partition])
            message = client.poll(_READ_SECONDS)
            if message is None or message.error():
                raise kafka.KafkaUnavailable("the topic can't be read")
            if message.offset() == origin.offset:
                return message
    raise OriginalGone(f"{origin.topic} {origin.partition}/{origin.offset}")


def _letters(client: Client, partitions: list[TopicPartition]) -> Iterator[Message]:
    """Yield the letters that the dead-letter topic holds now."""
    ends: dict[int, int] = {}
    waiting = []
    for partition in partitions:
        low, high = client.get_watermark_offsets(partition, timeout=_READ_SECONDS)
        if low < high:
            ends[partition.partition] = high
            waiting.append(TopicPartition(partition.topic, partition.partition, low))
    client.assign(waiting)
    while ends:
        message = client.poll(_READ_SECONDS)
        if message is None or message.error():
            raise kafka.KafkaUnavailable("the dead-letter topic can't be read")
        number, offset = message.partition() or 0, message.offset() or 0
        if number not in ends or offset >= ends[number]:
            continue
        yield message
        if offset + 1 >= ends[number]:
            del ends[number]
