"""The command `consume`: run the consumer groups until a signal stops them."""

import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from events import consumers, kafka, runtime
from kernel import clock
from kernel.telemetry import exposition


class Command(BaseCommand):
    help = "Run the Kafka consumer groups, a thread each, until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--group", action="append", default=[], help="only this group (repeatable)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            chosen = consumers.configured(options["group"])
        except LookupError as error:
            raise CommandError(str(error)) from error
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        path = settings.CONSUMER_LIVENESS_FILE
        liveness = runtime.Liveness(Path(path) if path else None)
        has_kafka = kafka.is_configured()
        if settings.CONSUMER_METRICS_PORT:
            is_alive = liveness.is_alive if has_kafka else lambda: True
            exposition.serve(settings.CONSUMER_METRICS_PORT, is_alive=is_alive)
        if not has_kafka:
            self.stderr.write(
                "no KAFKA_BOOTSTRAP_SERVERS: nothing to consume, waiting for a signal"
            )
            stopping.wait()
            return
        self._make_topics(stopping, liveness)
        if not runtime.consume(chosen, now=clock.now, stopping=stopping, liveness=liveness):
            raise CommandError("a consumer stopped by itself; the log says why")

    def _make_topics(self, stopping: threading.Event, liveness: runtime.Liveness) -> None:
        while not stopping.is_set():
            liveness.touch()  # who waits for Kafka lives
            try:
                kafka.ensure_topics()
            except kafka.KafkaUnavailable:
                stopping.wait(1)
            else:
                return
