"""Health of Kafka and the outbox, for readiness."""

from datetime import datetime
from functools import cache

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from django.conf import settings

from events import kafka, queries
from kernel.telemetry.health import Dependency


@cache
def _admin(servers: str) -> AdminClient:
    return AdminClient(kafka.client_settings())


def kafka_part(*, now: datetime) -> Dependency:
    """Fetch a broker's metadata."""
    if not kafka.is_configured():
        return Dependency("off", "no KAFKA_BOOTSTRAP_SERVERS: events wait in the outbox")
    try:
        _admin(settings.KAFKA_BOOTSTRAP_SERVERS).list_topics(timeout=0.8)
    except KafkaException as error:
        return Dependency("down", error.args[0].name())
    return Dependency("ok")


def outbox_part(*, now: datetime) -> Dependency:
    """Check whether events wait longer than they should."""
    state = queries.outbox_state(now=now)
    if state.dead:
        return Dependency("warning", f"{state.dead} events set aside")
    if kafka.is_configured() and state.age_seconds > settings.OUTBOX_AGE_WARNING_SECONDS:
        return Dependency(
            "warning", f"{state.backlog} events wait, oldest {state.age_seconds:.0f} s"
        )
    return Dependency("ok")
