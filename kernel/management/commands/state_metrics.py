"""The command `state_metrics`: serve the state of the system to Prometheus until a signal."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from kernel.telemetry import exposition


class Command(BaseCommand):
    help = "Serve the state of the system as metrics, one process for all, until SIGTERM or SIGINT."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=int, required=True, help="where, on the host that METRICS_HOST names"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        exposition.serve_state(options["port"])
        stopping.wait()
