"""Reading dead letters: what a dead-letter topic holds now, and which of them are meant."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from confluent_kafka import Consumer as Client
from confluent_kafka import Message, TopicPartition

from events import dead_letters, kafka
from events.topics import dead_letters_of

READ_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Place:
    """Where a letter lies: the topic it is about, partition and offset in the dead-letter topic."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Return the place that `str` wrote; raises `ValueError`."""
        topic, partition, offset = text.split(":")
        return cls(topic, int(partition), int(offset))


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. `event_id` and `type` are empty where the message is no event or was cut."""

    place: Place
    group: str
    at: datetime  # when it was put there
    error: str
    attempts: str
    event_id: str
    type: str
    message: Message

    def as_json(self) -> dict[str, Any]:
        """Return what people see of it in a list."""
        return {
            "place": str(self.place),
            "group": self.group,
            "at": self.at.isoformat(timespec="milliseconds"),
            "type": self.type,
            "event_id": self.event_id,
            "attempts": self.attempts,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters of a topic are meant; what is empty excludes none.

    `since` and `until` bound the moment a letter was put there, the second not included.
    """

    topic: str
    group: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    types: frozenset[str] = frozenset()
    event_ids: frozenset[UUID] = frozenset()
    places: frozenset[Place] = frozenset()

    def includes(self, letter: Letter) -> bool:
        """Say whether a letter is meant."""
        return (
            self.group in (None, letter.group)
            and (self.since is None or letter.at >= self.since)
            and (self.until is None or letter.at < self.until)
            and (not self.types or letter.type in self.types)
            and (not self.event_ids or letter.event_id in {str(one) for one in self.event_ids})
            and (not self.places or letter.place in self.places)
        )


def client(group: str) -> Client:
    """Return a client that commits only what it is asked to."""
    return Client(kafka.client_settings(**{"group.id": group, "enable.auto.commit": False}))


def partitions_of(reader: Client, name: str) -> list[TopicPartition]:
    """Return the partitions of a topic."""
    metadata = reader.list_topics(name, timeout=kafka.CONNECT_SECONDS).topics[name]
    return [TopicPartition(name, partition) for partition in metadata.partitions]


def letters_of(topic: str, reader: Client) -> Iterator[Letter]:
    """Yield the letters about `topic` that are there now, in the order of each partition."""
    for message in messages_of(reader, partitions_of(reader, dead_letters_of(topic))):
        yield _letter(topic, message)


def find_letter(place: Place) -> Letter | None:
    """Return the letter at a place, if the topic still holds it."""
    partition = TopicPartition(dead_letters_of(place.topic), place.partition, place.offset)
    message = message_at(partition)
    return None if message is None else _letter(place.topic, message)


def message_at(place: TopicPartition) -> Message | None:
    """Return the message at a place of any topic, None where the topic has dropped it."""
    with closing(client("frontrow-replay.reader")) as reader:
        low, high = reader.get_watermark_offsets(place, timeout=READ_SECONDS)
        if low <= place.offset < high:
            reader.assign([place])
            message = reader.poll(READ_SECONDS)
            if message is None or message.error():
                raise kafka.KafkaUnavailable("the topic can't be read")
            if message.offset() == place.offset:
                return message
    return None


def messages_of(reader: Client, partitions: list[TopicPartition]) -> Iterator[Message]:
    """Yield the messages that the partitions hold now."""
    ends: dict[int, int] = {}
    waiting = []
    for partition in partitions:
        low, high = reader.get_watermark_offsets(partition, timeout=READ_SECONDS)
        if low < high:
            ends[partition.partition] = high
            waiting.append(TopicPartition(partition.topic, partition.partition, low))
    reader.assign(waiting)
    while ends:
        message = reader.poll(READ_SECONDS)
        if message is None or message.error():
            raise kafka.KafkaUnavailable("the dead-letter topic can't be read")
        number, offset = message.partition() or 0, message.offset() or 0
        if number not in ends or offset >= ends[number]:
            continue
        yield message
        if offset + 1 >= ends[number]:
            del ends[number]


def _letter(topic: str, message: Message) -> Letter:
    headers = dead_letters.headers_of(message)
    event_id, type_ = _event_in(message.value() or b"")
    _, milliseconds = message.timestamp()
    return Letter(
        place=Place(topic, message.partition() or 0, message.offset() or 0),
        group=headers.get("group", b"").decode(errors="replace"),
        at=datetime.fromtimestamp(max(0, milliseconds) / 1000, UTC),
        error=headers.get("error", b"").decode(errors="replace"),
        attempts=headers.get("attempts", b"").decode(errors="replace"),
        event_id=event_id,
        type=type_,
        message=message,
    )


def _event_in(value: bytes) -> tuple[str, str]:
    """Return id and type of the event in a value, as far as it is one."""
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return "", ""
    if not isinstance(document, dict):
        return "", ""
    return str(document.get("id", ""))[:100], str(document.get("type", ""))[:100]
