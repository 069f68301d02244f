"""The command `invitations`: issue invitations to a waiting room."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from kernel import clock
from kernel.errors import DomainError
from queueing.usecases import invitations


class Command(BaseCommand):
    """`invitations issue PERFORMANCE`: print one code a line."""

    help = "Issue codes that let their holders in ahead of the line; one a line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        issue = verbs.add_parser("issue")
        issue.add_argument("performance", type=UUID)
        issue.add_argument("--count", type=int, default=1, help="codes (1)")
        issue.add_argument("--uses", type=int, default=1, help="people a code lets in (1)")
        issue.add_argument("--days", type=float, default=30, help="how long they are good (30)")
        issue.add_argument("--label", default="command line", help="for whom")
        issue.add_argument("--reason", default="issued on the command line")
        issue.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        try:
            issued = invitations.issue(
                performance_id=options["performance"],
                label=options["label"],
                count=options["count"],
                uses_allowed=options["uses"],
                expires_at=now + timedelta(days=options["days"]),
                actor_id=None,
                reason=options["reason"],
                now=now,
            )
        except DomainError as refusal:
            raise CommandError(f"{refusal.message} {refusal.extras or ''}".strip()) from refusal
        for one in issued:
            shown = {
                "code": one.code,
                "invitation_id": str(one.invitation_id),
                "uses_allowed": one.uses_allowed,
                "expires_at": clock.as_text(one.expires_at),
            }
            self.stdout.write(json.dumps(shown) if options["json"] else one.code)
