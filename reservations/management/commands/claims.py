"""`manage.py claims`: show the claim on a seat, or write the claims again from PostgreSQL."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from kernel import clock
from kernel.redis.breaker import DependencyUnavailable
from reservations import queries
from reservations.claims import recovery
from reservations.claims.report import SeatReport, report

_EXIT_CODES = """
exit codes:
  0  the claim agrees with PostgreSQL, or there is none, or an attempt is in progress
  1  no such seat is on sale
  3  claim and PostgreSQL disagree: the next attempt a second later corrects it
  4  the lock server is unavailable, so the claim is unknown; PostgreSQL's row is shown
"""
_DISAGREES, _UNKNOWN = 3, 4


class Command(BaseCommand):
    """`claims show SEAT`: why a seat is refused. `claims rebuild`: fill an empty lock server."""

    help = "Show the claim on a seat, or write the claims of sales from PostgreSQL."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        show = verbs.add_parser(
            "show",
            help="inventory row, claim, owner and deadline of one seat",
            epilog=_EXIT_CODES,
            formatter_class=RawDescriptionHelpFormatter,
        )
        show.add_argument("seat", type=UUID, help="the seat's id, as in `seat_ids` of the refusal")
        show.add_argument("--json", action="store_true", help="one JSON object")
        rebuild = verbs.add_parser(
            "rebuild",
            help="write a claim for every seat that is held, sold or blocked",
            description=(
                "Write a claim for every seat that is held, sold or blocked, as after the lock "
                "server lost its data. Beat does it by itself; this shows how far it is. Holds go "
                "on meanwhile."
            ),
        )
        rebuild.add_argument("--performance", type=UUID, help="only this one")
        rebuild.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "show":
            self._show(options["seat"], as_json=options["json"])
        else:
            self._rebuild(options["performance"], as_json=options["json"])

    def _show(self, seat_id: UUID, *, as_json: bool) -> None:
        found = report(seat_id=seat_id, now=clock.now())
        if found is None:
            raise CommandError(f"No seat {seat_id} is on sale.")
        self.stdout.write(json.dumps(found.as_json()) if as_json else _as_text(found))
        if found.verdict == "unknown":
            raise CommandError("The lock server is unavailable.", returncode=_UNKNOWN)
        if found.verdict == "disagrees":
            raise CommandError("Claim and PostgreSQL disagree.", returncode=_DISAGREES)

    def _rebuild(self, performance_id: UUID | None, *, as_json: bool) -> None:
        wanted = [performance_id] if performance_id else queries.open_sales(now=clock.now())
        show = self._show_progress_json if as_json else self._show_progress
        try:
            for each in wanted:
                done = recovery.rebuild(
                    performance_id=each,
                    now=clock.now(),
                    progress=lambda *step: show(*step, done=False),
                )
                show(each, done.claims, done.claims, done=True)
        except DependencyUnavailable as error:
            raise CommandError("The lock server is unavailable; holds go on without it.") from error

    def _show_progress(self, performance_id: UUID, written: int, total: int, *, done: bool) -> None:
        self.stdout.write(f"{performance_id} {written}/{total}{' done' if done else ''}")

    def _show_progress_json(
        self, performance_id: UUID, written: int, total: int, *, done: bool
    ) -> None:
        line = {
            "performance_id": str(performance_id),
            "written": written,
            "claims": total,
            "done": done,
        }
        self.stdout.write(json.dumps(line))


def _as_text(found: SeatReport) -> str:
    facts = found.as_json()
    seat, claim = facts["inventory"], facts["claim"] or {}
    lines = {
        "seat": f"{facts['section']} {facts['row']}-{facts['number']}",
        "performance": facts["performance_id"],
        "status": f"{seat['status']}{' (free)' if seat['free'] else ''}",
        "held until": seat["held_until"],
        "reservation": seat["reservation_id"],
        "its status": seat["reservation_status"],
        "fan": seat["user_id"],
        "claim": claim.get("kind"),
        "claim owner": claim.get("owner"),
        "claim fan": claim.get("user_id"),
        "claim until": claim.get("until"),
        "confirmed at": claim.get("confirmed_at"),
        "verdict": found.verdict.replace("_", " "),
    }
    return "\n".join(f"{name:<13}{value or '-'}" for name, value in lines.items())
