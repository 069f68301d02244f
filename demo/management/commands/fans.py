"""`manage.py fans`: fans by the thousand, for load scripts and rehearsals."""

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import tokens
from demo import load_users
from kernel import clock
from kernel.db.transaction import transaction
from kernel.ids import uuid7
from kernel.money import Money
from points import operations

_MOST = 100_000


class Command(BaseCommand):
    """Make fans with points; print an access token for each."""

    help = "Make N fans with P points each and print e-mail, id and a token valid for two hours."

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, required=True, help=f"1 to {_MOST}")
        parser.add_argument("--points", type=int, default=0, help="points (won) for each")
        parser.add_argument("--json", action="store_true", dest="as_json", help="one object a line")
        parser.add_argument("--prefix", default="fan", help="start of the e-mail addresses")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.TEST_FANS_ALLOWED:
            raise CommandError("fans: refused: these settings are for production")
        count, points = options["count"], options["points"]
        if not 1 <= count <= _MOST:
            raise CommandError(f"fans: --count must be 1 to {_MOST}")
        if points < 0:
            raise CommandError("fans: --points must not be negative")
        now = clock.now()
        try:
            fans = load_users.create(count=count, prefix=options["prefix"])
        except load_users.PrefixInvalid as error:
            raise CommandError(f"fans: --prefix: {error}") from None
        if points:
            with transaction():
                operations.open_accounts_with_points(
                    user_ids=[fan.user_id for fan in fans],
                    amount=Money(points),
                    reference=uuid7(),
                    now=now,
                )
        for fan in fans:
            self.stdout.write(_line(fan, now=now, as_json=options["as_json"]))


def _line(fan: load_users.Fan, *, now: datetime, as_json: bool) -> str:
    token = tokens.issue_access_token(
        user_id=fan.user_id,
        session_id=str(fan.user_id),  # no session stands behind it
        is_staff=False,
        groups=(),
        now=now,
        lifetime=tokens.FAN_TOKEN_LIFETIME,
    )
    if not as_json:
        return f"{fan.email} {fan.user_id} {token}"
    return json.dumps({"email": fan.email, "user_id": str(fan.user_id), "access_token": token})
