"""`manage.py consumers freeze|resume|status`: hold all consumer groups, or let them go on."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from events import queries
from events.usecases import consumer_freeze
from kernel import clock
from kernel.db.failures import DATABASE_ERRORS, is_passing


class Command(BaseCommand):
    """Freeze or resume the consumer groups; repeating either changes nothing."""

    help = (
        "Hold all consumer groups while a release is rolled back (freeze), or let them go on "
        "(resume). Exit code 0: it is so now; 1: the database is busy or unavailable, try again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what it takes."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        freeze = verbs.add_parser("freeze", help="apply no event and commit no offset")
        freeze.add_argument("--reason", required=True, help="for the audit entry, and for others")
        resume = verbs.add_parser("resume", help="go on where the groups stood")
        resume.add_argument("--reason", default="manage.py consumers resume")
        status = verbs.add_parser("status", help="whether a freeze is in force")
        for verb in (freeze, resume, status):
            verb.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of the three, then print what is in force."""
        try:
            changed = self._change(options)
            row = queries.freeze_in_force()
        except DATABASE_ERRORS as error:
            if not is_passing(error):
                raise
            raise CommandError("the database is busy or unavailable: try again") from error
        state = {
            "frozen": row is not None,
            "since": clock.as_text(row.frozen_at) if row else None,
            "reason": row.reason if row else None,
            "changed": changed,
        }
        if options["json"]:
            self.stdout.write(json.dumps(state, ensure_ascii=False))
        elif row:
            self.stdout.write(f"frozen since {state['since']}: {row.reason}")
        else:
            self.stdout.write("not frozen")

    def _change(self, options: dict[str, Any]) -> bool:
        now = clock.now()
        if options["verb"] == "freeze":
            reason = options["reason"].strip()
            if not 0 < len(reason) <= 200:
                raise CommandError("--reason must be 1 to 200 characters", returncode=2)
            return consumer_freeze.freeze(actor_id=None, reason=reason, now=now)
        if options["verb"] == "resume":
            return consumer_freeze.resume(actor_id=None, reason=options["reason"], now=now)
        return False
