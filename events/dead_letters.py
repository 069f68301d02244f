"""Dead letters: events that a consumer group could not apply, in their dead-letter topic.

Note [Cut letters]
A letter is the message and headers that name the group, the error and the origin, so a message that
just fits its topic doesn't fit as a letter. It is cut then: the letter keeps the beginning of the
value, for people, and the header `cut`; replaying takes the whole from the topic itself, by
partition and offset, while the topic keeps it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message

from events import kafka
from events.topics import dead_letters_of

_ERROR_CHARACTERS = 500
_CUT_VALUE_BYTES = 10_000
_CUT_KEY_BYTES = 1_000


class LetterRefused(Exception):
    """Kafka takes no letter for a message, not even a cut one: the topic's limits need a look."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the message of a letter is kept."""

    topic: str
    partition: int
    offset: int


def send(
    publisher: kafka.Publisher, message: Message, *, group: str, error: Exception, attempts: int
) -> None:
    """Put a message into its dead-letter topic and wait for the broker's confirmation.

    Raises `kafka.KafkaUnavailable` while that is missing, `LetterRefused` where the broker refuses.
    """
    headers = (
        ("content-type", kafka.CONTENT_TYPE),
        ("group", group.encode()),
        ("topic", (message.topic() or "").encode()),
        ("partition", str(message.partition()).encode()),
        ("offset", str(message.offset()).encode()),
        ("attempts", str(attempts).encode()),
        ("error", repr(error)[:_ERROR_CHARACTERS].encode()),
    )
    topic = dead_letters_of(message.topic() or "")
    key, value = message.key() or b"", message.value() or b""
    whole = kafka.OutgoingMessage(topic, key, value, headers)
    cut = kafka.OutgoingMessage(
        topic,
        key[:_CUT_KEY_BYTES],
        value[:_CUT_VALUE_BYTES],
        (*headers, ("cut", str(len(value)).encode())),
    )
    for letter in (whole, cut):
        [outcome] = publisher.send([letter])
        if outcome is kafka.Outcome.DELIVERED:
            return
        if outcome is kafka.Outcome.UNKNOWN:
            raise kafka.KafkaUnavailable("the dead letter was not confirmed")
    raise LetterRefused(f"{topic}: {message.partition()}/{message.offset()}") from error


def origin_of_cut(letter: Message) -> Origin | None:
    """Return where the whole message of a cut letter is; None for a letter that is whole."""
    headers = headers_of(letter)
    if "cut" not in headers:
        return None
    return Origin(headers["topic"].decode(), int(headers["partition"]), int(headers["offset"]))


def headers_of(letter: Message) -> Mapping[str, bytes]:
    """Return a letter's headers by name."""
    headers: Any = letter.headers()  # typed as a list or a mapping; a consumer's are a list
    return {name: value or b"" for name, value in headers or []}
