"""The command `trace`: what the logs say of one request, from the gateway to the consumers."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kernel.telemetry import log_files

NOTHING, UNUSABLE = 1, 2


class Command(BaseCommand):
    help = (
        "Print the log lines of a request id (X-Request-ID) or a trace id, from the gateway to the "
        "consumers. Exit code 1: there are none; 2: no such id, or no logs to look in."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", help="a request id, or a trace id (32 hexadecimal digits)")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument(
            "--logs",
            type=Path,
            help="the folder of the logs (default: LOG_FOLDER, as of the stack)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["id"]
        if not log_files.SANE_ID.fullmatch(wanted):
            raise CommandError("that is neither a request id nor a trace id", returncode=UNUSABLE)
        folder = options["logs"] or Path(settings.LOG_FOLDER or settings.BASE_DIR / ".data/logs")
        try:
            lines = log_files.lines_of(folder, wanted)
        except OSError as error:
            raise CommandError(f"no logs to look in: {error}", returncode=UNUSABLE) from error
        if not lines:
            raise CommandError(
                f"no line of {wanted} in {folder}; the newest are written within a second, "
                "those of long ago are gone",
                returncode=NOTHING,
            )
        texts = (
            (json.dumps(line, ensure_ascii=False) for line in lines)
            if options["json"]
            else log_files.shown(lines)
        )
        for text in texts:
            self.stdout.write(text)
