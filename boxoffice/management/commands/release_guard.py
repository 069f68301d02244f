"""`manage.py release_guard`: refuse a release that would meet the opening of a sale."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from boxoffice import release_guard
from kernel import clock
from kernel.db.failures import DATABASE_ERRORS, is_passing

REASON_CHARACTERS = 200


class Command(BaseCommand):
    """Ask the calendar; what it says is Note [No release into an opening]."""

    help = (
        "Ask whether a release may begin now. Exit code 0: it may; 1: a sale opens within half an "
        "hour or has opened within the last quarter; 2: the question was wrong; 3: the database is "
        "busy or unavailable."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what it takes."""
        parser.add_argument(
            "--override", default="", metavar="REASON", help="go on all the same; audited"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say what is met; exit as the help says."""
        reason, now = options["override"].strip(), clock.now()
        if len(reason) > REASON_CHARACTERS:
            raise CommandError(f"--override: at most {REASON_CHARACTERS} characters", returncode=2)
        try:
            met = release_guard.openings(now=now)
            if met and reason:
                release_guard.override(met, reason=reason, now=now)
        except DATABASE_ERRORS as error:
            if not is_passing(error):
                raise
            message = "the database is busy or unavailable: nobody knows what opens"
            raise CommandError(message, returncode=3) from error
        may = not met or bool(reason)
        if options["json"]:
            openings = [
                {"performance_id": str(one.performance_id), "opens_at": clock.as_text(one.opens_at)}
                for one in met
            ]
            self.stdout.write(json.dumps({"may_begin": may, "openings": openings}))
        elif may:
            self.stdout.write(f"a release may begin: {len(met)} openings, {reason or 'none near'}")
        if not may:
            first = met[0]
            raise CommandError(
                f"{len(met)} openings are near: {first.performance_id} opens or opened at "
                f"{clock.as_text(first.opens_at)}. Wait until a quarter of an hour after it, or "
                "give a reason: --override",
                returncode=1,
            )
