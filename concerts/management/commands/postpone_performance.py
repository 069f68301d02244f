"""`manage.py postpone_performance`: a performance will be later; its tickets stay valid."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from concerts import policy
from concerts.usecases import programme
from kernel import clock
from kernel.errors import DomainError


class Command(BaseCommand):
    """Postpone a performance; run again, it moves the end of the refund window."""

    help = "Postpone a performance: no more sales, tickets stay valid, refunds without a fee."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("performance", type=UUID, help="the id of the performance")
        parser.add_argument("--reason", required=True, help="goes into audit and event")
        parser.add_argument(
            "--refund-days",
            type=int,
            default=policy.REFUND_DAYS,
            help="for how long bought seats are given back without a fee (default: %(default)s)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        until = now + timedelta(days=max(0, min(options["refund_days"], 10_000)))
        try:
            programme.postpone(
                performance_id=options["performance"],
                refund_until=until,
                actor_id=None,
                reason=options["reason"],
                now=now,
            )
        except DomainError as refusal:
            raise CommandError(str(refusal.message)) from refusal
        self.stdout.write(f"postponed; refunds without a fee until {clock.as_text(until)}")
