"""The command `topics`: make the topics that are missing."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events import kafka


class Command(BaseCommand):
    help = "Make the event topics and their dead-letter topics where they are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        if not kafka.is_configured():
            raise CommandError("KAFKA_BOOTSTRAP_SERVERS is empty")
        try:
            created = set(kafka.ensure_topics())
        except kafka.KafkaUnavailable as error:
            raise CommandError(f"Kafka: {error}") from error
        for name in kafka.topic_names():
            self.stdout.write(f"{name}: {'created' if name in created else 'there already'}")
