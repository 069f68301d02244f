"""manage.py partitions: keep the partitioned tables ahead of time."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from kernel import clock
from kernel.db.partitions import ensure_partitions, months_covered


class Command(BaseCommand):
    help = "Create the monthly partitions that are missing, two years ahead; beat does it too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="create nothing, only say")
        parser.add_argument("--json", action="store_true", help="one JSON object a table")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        for table in settings.PARTITIONED_TABLES:
            created = [] if options["check"] else ensure_partitions(table, now=now)
            months = months_covered(table, now=now)
            if options["json"]:
                line = json.dumps({"table": table, "created": created, "months_ahead": months})
            else:
                line = f"{table}: {months} months ahead, {len(created)} created"
            self.stdout.write(line)
