"""Send the dead letters of consumers back to their topic."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaException, Message, TopicPartition

from events import kafka

REPLAY_GROUP = "frontrow-replay"


def replay_topic(
    *, topic: str, group: str | None = None, publisher: kafka.Publisher = kafka.publisher
) -> int:
    """Send the dead letters of `topic` (of one `group`) back to it; return how many.

    Every group sees them again; those that had applied them find that out in their inbox. What has
    been replayed is not replayed again. Raises `kafka.KafkaAway`.
    """
    try:
        return _replay(topic, group, publisher)
    except KafkaException as error:
        raise kafka.KafkaAway(str(error)) from error


def _replay(topic: str, group: str | None, publisher: kafka.Publisher) -> int:
    count = 0
    with _dead_letters(topic) as (client, messages):
        for message in messages:
            headers = dict(message.headers() or [])
            if group is None or headers.get("group") == group.encode():
                letter = kafka.Outgoing(topic, message.key() or b"", message.value() or b"")
                if publisher.send([letter]) != [kafka.Outcome.DELIVERED]:
                    raise kafka.KafkaAway("the replayed event was not confirmed")
                count += 1
            client.commit(message=message, asynchronous=False)
    return count


@contextmanager
def _dead_letters(topic: str) -> Iterator[tuple[Client, Iterator[Message]]]:
    """Read what the dead-letter topic holds now, from where the last replay ended."""
    name = topic + kafka.DEAD_LETTERS
    settings = {"group.id": REPLAY_GROUP, "enable.auto.commit": False}
    with closing(Client(kafka.client_settings(**settings))) as client:
        metadata = client.list_topics(name, timeout=kafka.CONNECT_SECONDS).topics[name]
        places = [TopicPartition(name, partition) for partition in metadata.partitions]
        waiting, remaining = [], {}
        for place in client.committed(places, timeout=10):
            low, high = client.get_watermark_offsets(place, timeout=10)
            place.offset = max(place.offset, low)
            if place.offset < high:
                waiting.append(place)
                remaining[place.partition] = high
        client.assign(waiting)
        yield client, _until(client, remaining)


def _until(client: Client, ends: dict[int, int]) -> Iterator[Message]:
    """Yield messages up to the offsets the partitions had when we began."""
    while ends:
        message = client.poll(10)
        if message is None or message.error():
            raise kafka.KafkaAway("the dead-letter topic can't be read")
        partition, offset = message.partition() or 0, message.offset() or 0
        if partition not in ends or offset >= ends[partition]:
            continue
        yield message
        if offset + 1 >= ends[partition]:
            del ends[partition]
