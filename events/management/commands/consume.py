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
        if settings.CONSUMER_METRICS_PORT:
            exposition.serve(settings.CONSUMER_METRICS_PORT)
        if not kafka.is_configured():
            self.stderr.write(
                "no KAFKA_BOOTSTRAP_SERVERS: nothing to consume, waiting for a signal"
            )
            stopping.wait()
            return
        path = settings.CONSUMER_LIVENESS_FILE
        alive = Path(path) if path else None
        self._make_topics(stopping, alive)
        if not runtime.consume(chosen, now=clock.now, stopping=stopping, liveness_file=alive):
            raise CommandError("a consumer stopped by itself; the log says why")

    def _make_topics(self, stopping: threading.Event, alive: Path | None) -> None:
        while not stopping.is_set():
            if alive:  # who waits for Kafka lives
                alive.touch()
            try:
                kafka.ensure_topics()
            except kafka.KafkaUnavailable:
                stopping.wait(1)
            else:
                return
