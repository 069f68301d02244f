"""The Kafka clients: settings for any of them, topics, and a producer with reliable outcomes."""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from django.conf import settings
from prometheus_client import Counter

from events.topics import dead_letters_of

log = logging.getLogger(__name__)

CONTENT_TYPE = b"application/cloudevents+json"
# Below the broker's default limit (1,048,588), so that a message that is too large is refused here,
# alone, and not there together with its whole batch.
MAX_MESSAGE_BYTES = 1_000_000
CONNECT_SECONDS = 3.0
CREATE_SECONDS = 5.0
# All of these together stay below what the owner of a shard may be silent for (Note [Silent
# owners] in kernel/db/dedicated.py).
FLUSH_SECONDS = 5.0

errors_seen = Counter("frontrow_kafka_client_errors_total", "Errors of the Kafka client", ["code"])

# The message is at fault, not the moment.
_REJECTIONS = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD}
)


class KafkaUnavailable(Exception):
    """Kafka didn't reply in time; what was not confirmed must be sent again."""


class Outcome(Enum):
    """The outcome of sending a message."""

    DELIVERED = "delivered"
    REJECTED = "rejected"  # Kafka will never take it
    UNKNOWN = "unknown"  # it may have arrived; send it again


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to send. Messages of one key keep their order."""

    topic: str
    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = (("content-type", CONTENT_TYPE),)


def is_configured() -> bool:
    """Return whether there is a Kafka at all."""
    return bool(settings.KAFKA_BOOTSTRAP_SERVERS)


def client_settings(**more: Any) -> dict[str, Any]:
    """Return librdkafka's settings for any client of this process."""
    return {
        "bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS,
        "client.id": "frontrow",
        "socket.keepalive.enable": True,
        "socket.timeout.ms": 10_000,
        "reconnect.backoff.max.ms": 2_000,
        "allow.auto.create.topics": False,
        # We log a line when the state changes; the client would log one a retry.
        "log_level": 2,
        "error_cb": _count_error,
        **_security(),
        **more,
    }


def _security() -> dict[str, str]:
    protocol = settings.KAFKA_SECURITY_PROTOCOL
    chosen = {"security.protocol": protocol}
    if settings.KAFKA_CA_FILE:
        chosen["ssl.ca.location"] = settings.KAFKA_CA_FILE
    if protocol.startswith("SASL_"):
        chosen |= {
            "sasl.mechanism": settings.KAFKA_SASL_MECHANISM,
            "sasl.username": settings.KAFKA_SASL_USERNAME,
            "sasl.password": settings.KAFKA_SASL_PASSWORD,
        }
    return chosen


def _count_error(error: KafkaError) -> None:
    errors_seen.labels(error.name()).inc()


def topic_names() -> list[str]:
    """Return the event topics, each with its dead-letter topic."""
    return [name for topic in settings.EVENT_TOPICS for name in (topic, dead_letters_of(topic))]


def ensure_topics() -> list[str]:
    """Make the topics and dead-letter topics that are missing; return their names.

    Topics that exist keep their partitions: changing their number would move keys and break their
    order. Raises `KafkaUnavailable`.
    """
    admin = AdminClient(client_settings())
    try:
        existing = admin.list_topics(timeout=CONNECT_SECONDS).topics
        missing = [name for name in topic_names() if name not in existing]
        if missing:
            _create(admin, missing)
            _await_topics(admin, missing)
    except KafkaException as error:
        raise KafkaUnavailable(str(error)) from error
    return missing


def _create(admin: AdminClient, names: Iterable[str]) -> None:
    terms = {
        "retention.ms": str(settings.KAFKA_TOPIC_RETENTION_HOURS * 3_600_000),
        "min.insync.replicas": str(settings.KAFKA_TOPIC_MIN_INSYNC),
        # A replica that lacks messages never leads: they would be gone.
        "unclean.leader.election.enable": "false",
    }
    topics = [
        NewTopic(
            name,
            num_partitions=settings.KAFKA_TOPIC_PARTITIONS,
            replication_factor=settings.KAFKA_TOPIC_REPLICATION,
            config=terms,
        )
        for name in names
    ]
    for future in admin.create_topics(topics, request_timeout=CREATE_SECONDS).values():
        try:
            future.result()
        except KafkaException as error:
            # Another process was quicker.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _await_topics(admin: AdminClient, names: Iterable[str]) -> None:
    """Wait until the broker's metadata shows the topics: producing earlier would stall."""
    deadline = time.monotonic() + CREATE_SECONDS
    while not set(names) <= set(admin.list_topics(timeout=CONNECT_SECONDS).topics):
        if time.monotonic() > deadline:
            raise KafkaUnavailable("new topics don't appear")
        time.sleep(0.05)


class Publisher:
    """The process's producer, made on first use and again after a failure.

    Note [Order after failures]
    The producer is idempotent and its messages never time out by themselves, so the broker always
    keeps a prefix, per key, of what one producer was given. When a flush runs out of time the
    producer is purged and dropped, and the next one starts from the first message that was not
    confirmed. Ids may repeat then; their first appearances stay in order.

    A broker that refuses one message refuses the batch it came in and takes the next batch. So a
    call of `send` must not hold two messages of one key, or the second may overtake the first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._producer: Producer | None = None

    def send(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        """Send the messages, wait for the broker, and return the outcome of each.

        Call it without an open transaction: it waits for the network. Raises `KafkaUnavailable`
        when nothing was sent because no broker replies.
        """
        with self._lock:
            producer = self._connected()
            outcomes = [Outcome.UNKNOWN] * len(messages)
            for index, message in enumerate(messages):
                try:
                    _produce(producer, message, partial(_record_outcome, outcomes, index))
                except KafkaException as error:
                    if error.args[0].code() not in _REJECTIONS:
                        break
                    outcomes[index] = Outcome.REJECTED
            producer.flush(FLUSH_SECONDS)
            if Outcome.UNKNOWN in outcomes:
                self._discard(producer)
            return outcomes

    def close(self) -> None:
        """Drop the producer."""
        with self._lock:
            if self._producer is not None:
                self._discard(self._producer)

    def _connected(self) -> Producer:
        if self._producer is None:
            ensure_topics()
            self._producer = Producer(
                client_settings(
                    **{
                        "enable.idempotence": True,
                        "acks": "all",
                        "message.timeout.ms": 0,
                        "message.max.bytes": MAX_MESSAGE_BYTES,
                        "linger.ms": 2,
                        "compression.type": "lz4",
                        # The hash of Kafka's own client: other producers agree on the partition.
                        "partitioner": "murmur2_random",
                    }
                )
            )
        return self._producer

    def _discard(self, producer: Producer) -> None:
        self._producer = None
        producer.purge()
        producer.flush(1)


def _produce(producer: Producer, message: OutgoingMessage, on_delivery: Any) -> None:
    while True:
        try:
            producer.produce(
                message.topic,
                key=message.key,
                value=message.value,
                headers=list(message.headers),
                on_delivery=on_delivery,
            )
        except BufferError:  # the client's queue is full
            producer.poll(0.1)
        else:
            return


def _record_outcome(
    outcomes: list[Outcome], index: int, error: KafkaError | None, message: Message
) -> None:
    if error is None:
        outcomes[index] = Outcome.DELIVERED
    elif error.code() in _REJECTIONS:
        outcomes[index] = Outcome.REJECTED


publisher = Publisher()
