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
KAFKA_TOPIC_RETENTION_HOURS = env.integer(
    "KAFKA_TOPIC_RETENTION_HOURS",
    default=72,
    minimum=1,
    maximum=24 * 366,
    help="How long a topic keeps messages, given to it when it is made.",
)
# How long one relay task publishes before the next one takes over.
RELAY_TURN_SECONDS = 10.0
OUTBOX_AGE_WARNING_SECONDS = 10.0
# Attempts at an event before it goes to the dead-letter topic, and how many may go there in a row
# before the consumer stops as broken.
CONSUMER_ATTEMPTS = 3
CONSUMER_DEAD_LETTERS_IN_A_ROW = 10
# Each has its dead-letter topic beside it, `<topic>.dlq`.
EVENT_TOPICS: list[str] = [
    "frontrow.reservations.v1",
    "frontrow.payments.v1",
    "frontrow.points.v1",
]
# Consumers are found here, so that no app imports those above it.
EVENT_CONSUMERS: list[str] = ["sale_statistics.consumers.statistics"]
