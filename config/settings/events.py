"""The outbox relay and the Kafka consumers."""

from kernel import env

# Empty: no Kafka; events wait in the outbox.
KAFKA_BOOTSTRAP_SERVERS = env.string(
    "KAFKA_BOOTSTRAP_SERVERS",
    default="",
    help="Kafka's addresses; empty: events wait in the outbox.",
)
KAFKA_TOPIC_PARTITIONS = env.integer(
    "KAFKA_TOPIC_PARTITIONS",
    default=6,
    minimum=1,
    maximum=1000,
    help="Partitions of a topic when it is made.",
)
KAFKA_TOPIC_REPLICATION = env.integer(
    "KAFKA_TOPIC_REPLICATION",
    default=1,
    minimum=1,
    maximum=7,
    help="Replicas of a topic when it is made; 3 in production.",
)
# Each has its dead-letter topic beside it, `<topic>.dlq`.
EVENT_TOPICS: list[str] = [
    "frontrow.reservations.v1",
    "frontrow.payments.v1",
    "frontrow.points.v1",
]
# Consumers are found here, so that no app imports those above it.
EVENT_CONSUMERS: list[str] = []
