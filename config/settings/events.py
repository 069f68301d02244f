"""The settings of the outbox relay and the Kafka consumers."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from events import topics
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
KAFKA_TOPIC_MIN_INSYNC = env.integer(
    "KAFKA_TOPIC_MIN_INSYNC",
    default=1,
    minimum=1,
    maximum=7,
    help="Replicas that must have a message before it counts as sent, given to a topic when it is "
    "made; 2 in production.",
)
if KAFKA_TOPIC_MIN_INSYNC > KAFKA_TOPIC_REPLICATION:
    raise ImproperlyConfigured(
        "KAFKA_TOPIC_MIN_INSYNC must not be more than KAFKA_TOPIC_REPLICATION: nothing could be "
        "sent."
    )
KAFKA_TOPIC_RETENTION_HOURS = env.integer(
    "KAFKA_TOPIC_RETENTION_HOURS",
    default=72,
    minimum=1,
    maximum=24 * 366,
    help="How long a topic keeps messages, given to it when it is made.",
)
# How every client of ours (relay, consumers, commands, readiness) meets the brokers.
KAFKA_SECURITY_PROTOCOL = env.choice(
    "KAFKA_SECURITY_PROTOCOL",
    of=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    default="PLAINTEXT",
    help="SSL: by TLS; SASL_: by name and password.",
)
KAFKA_SASL_MECHANISM = env.choice(
    "KAFKA_SASL_MECHANISM",
    of=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
    default="SCRAM-SHA-512",
    help="How name and password are shown.",
)
KAFKA_SASL_USERNAME = env.string(
    "KAFKA_SASL_USERNAME", default="", help="Our name, where the protocol is SASL_."
)
KAFKA_SASL_PASSWORD = env.string(
    "KAFKA_SASL_PASSWORD", default="", secret=True, help="Our password, where it is SASL_."
)
KAFKA_CA_FILE = env.string(
    "KAFKA_CA_FILE",
    default="",
    help="Certificates (PEM) that the brokers' are signed by; empty: those the system trusts.",
)
_sasl = KAFKA_SECURITY_PROTOCOL.startswith("SASL_")
for _name, _value in {
    "KAFKA_SASL_USERNAME": KAFKA_SASL_USERNAME,
    "KAFKA_SASL_PASSWORD": KAFKA_SASL_PASSWORD,
}.items():
    if _sasl and not _value:
        raise ImproperlyConfigured(f"{_name} must be set: {KAFKA_SECURITY_PROTOCOL} asks for it.")
    if _value and not _sasl:
        raise ImproperlyConfigured(f"{_name} is of no use with {KAFKA_SECURITY_PROTOCOL}.")
if KAFKA_CA_FILE and not KAFKA_SECURITY_PROTOCOL.endswith("SSL"):
    raise ImproperlyConfigured(f"KAFKA_CA_FILE is of no use with {KAFKA_SECURITY_PROTOCOL}.")
if KAFKA_CA_FILE and not Path(KAFKA_CA_FILE).is_file():
    raise ImproperlyConfigured(f"KAFKA_CA_FILE {KAFKA_CA_FILE} must exist.")
# How long one relay task publishes before the next one takes over.
RELAY_TURN_SECONDS = 10.0
OUTBOX_AGE_WARNING_SECONDS = 10.0
# Attempts at an event before it goes to the dead-letter topic, and how many may go there in a row
# before the consumer stops as broken.
CONSUMER_ATTEMPTS = 3
CONSUMER_DEAD_LETTERS_IN_A_ROW = 10
CONSUMER_LIVENESS_FILE = env.string(
    "CONSUMER_LIVENESS_FILE",
    default="",
    help="A file that `manage.py consume` touches every 2 s while no group hangs; empty: none.",
)
# Each has its dead-letter topic beside it.
EVENT_TOPICS: list[str] = list(topics.ALL)
# Consumers are found here, so that no app imports those above it.
EVENT_CONSUMERS: list[str] = [
    "sale_statistics.consumers.statistics",
    "notifications.consumers.notifications",
    "webhooks.consumers.webhooks",
]
