"""The outbox relay and the Kafka consumers."""

from kernel import env

# Empty: no Kafka; events wait in the outbox.
KAFKA_BOOTSTRAP_SERVERS = env.string(
    "KAFKA_BOOTSTRAP_SERVERS",
    default="",
    help="Kafka's addresses; empty: events wait in the outbox.",
)
# Consumers are found here, so that no app imports those above it.
EVENT_CONSUMERS: list[str] = []
