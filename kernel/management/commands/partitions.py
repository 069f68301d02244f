"""manage.py partitions: make partitioned tables' coming months, drop those kept long enough."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from kernel import clock
from kernel.db.partitions import ensure_partitions, months_covered
from kernel.db.retention import Purge, Retention, purge

_FOR_EVER = Retention(months=0)


class Command(BaseCommand):
    help = (
        "Create the monthly partitions that are missing, two years ahead, and drop those past "
        "their retention; beat does both too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check",
            "--dry-run",
            action="store_true",
            dest="check",
            help="create and drop nothing, only say",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object a table")

    def handle(self, *args: Any, **options: Any) -> None:
        now, check = clock.now(), options["check"]
        retentions: dict[str, Retention] = settings.PARTITION_RETENTION
        # First those whose retention depends on each other, in their order.
        others = [table for table in settings.PARTITIONED_TABLES if table not in retentions]
        for table in [*retentions, *others]:
            created = [] if check else ensure_partitions(table, now=now)
            months = months_covered(table, now=now)
            retention = retentions.get(table, _FOR_EVER)
            purged = purge(table, retention, now=now, dry_run=check)
            if options["json"]:
                facts = {
                    "table": table,
                    "created": created,
                    "months_ahead": months,
                    "retention_months": retention.months or None,
                    "would_drop" if check else "dropped": purged.dropped,
                    "kept": purged.kept,
                }
                self.stdout.write(json.dumps(facts))
            else:
                self.stdout.write(f"{table}: {months} months ahead, {len(created)} created")
                self._print_purge(purged, "would be dropped" if check else "dropped")

    def _print_purge(self, purged: Purge, what: str) -> None:
        for name in purged.dropped:
            self.stdout.write(f"  {name}: {what}")
        for name, reason in purged.kept.items():
            self.stdout.write(f"  {name}: past its time, stays: {reason}")
