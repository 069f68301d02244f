"""Write the lock server's claims from PostgreSQL."""

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from kernel import clock
from kernel.redis.breaker import PartUnavailable
from reservations import queries
from reservations.usecases import claims


class Command(BaseCommand):
    """`claims rebuild`: of the sales that are open, or of one performance."""

    help = (
        "Write a claim for every seat that is held, sold or blocked, as after the lock server "
        "lost its data. Beat does it by itself; this shows how far it is. Holds go on meanwhile."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        rebuild = verbs.add_parser("rebuild")
        rebuild.add_argument("--performance", type=UUID, help="only this one")
        rebuild.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        wanted = [options["performance"]] if options["performance"] else queries.open_sales(now=now)
        show = self._show_json if options["json"] else self._show
        try:
            for performance_id in wanted:
                done = claims.rebuild(
                    performance_id=performance_id,
                    now=clock.now(),
                    progress=lambda *step: show(*step, done=False),
                )
                show(performance_id, done.claims, done.claims, done=True)
        except PartUnavailable as error:
            raise CommandError("The lock server is away; holds go on without it.") from error

    def _show(self, performance_id: UUID, written: int, total: int, *, done: bool) -> None:
        self.stdout.write(f"{performance_id} {written}/{total}{' done' if done else ''}")

    def _show_json(self, performance_id: UUID, written: int, total: int, *, done: bool) -> None:
        line = {
            "performance_id": str(performance_id),
            "written": written,
            "claims": total,
            "done": done,
        }
        self.stdout.write(json.dumps(line))
