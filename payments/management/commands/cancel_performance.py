"""`manage.py cancel_performance`: a performance will not take place, and everybody is paid back."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from concerts.errors import PerformanceNotFound
from concerts.models import Performance
from concerts.usecases import programme
from kernel import clock
from payments import called_off
from payments import refund_queries as queries


class Command(BaseCommand):
    """Cancel a performance and refund every payment in full; run again, it goes on."""

    help = "Cancel a performance: no more sales, tickets void, every payment refunded in full."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("performance", type=UUID, help="the id of the performance")
        parser.add_argument("--reason", required=True, help="goes into audit and event")
        parser.add_argument("--json", action="store_true", help="one JSON object a batch")

    def handle(self, *args: Any, **options: Any) -> None:
        performance_id: UUID = options["performance"]
        try:
            programme.set_status(
                performance_id=performance_id,
                status=Performance.Status.CANCELLED,
                actor_id=None,
                reason=options["reason"],
                now=clock.now(),
            )
        except PerformanceNotFound as missing:
            raise CommandError(str(missing.message)) from missing
        errors = 0
        for done in called_off.batches(performance_id=performance_id, now=clock.now()):
            errors += done.errors
            self._report(performance_id, as_json=options["json"])
        if errors:
            raise CommandError(f"{errors} reservations were not refunded; run it again.")

    def _report(self, performance_id: UUID, *, as_json: bool) -> None:
        run = queries.refund_run(performance_id=performance_id)
        assert run is not None
        said = {
            "reservations": run.reservations,
            "amount": run.amount,
            "finished": run.finished_at is not None,
        }
        line = ", ".join(f"{name} {value}" for name, value in said.items())
        self.stdout.write(json.dumps(said) if as_json else line)
