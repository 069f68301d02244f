"""`manage.py demo_data`: load concerts, fans and staff (Note [Demo data])."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from demo import concerts, people
from kernel import clock
from kernel.errors import DomainError


class Command(BaseCommand):
    """Load the demo data; repeatable."""

    help = (
        "Load six concerts, twenty fans with points and a login per staff role. Repeating it "
        "changes nothing, but an opening that passed unused is set ten minutes ahead again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what it takes."""
        parser.add_argument(
            "--reset", action="store_true", help="retire the six concerts and load them afresh"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Load it and say what is there."""
        password = getattr(settings, "DEMO_PASSWORD", None)
        if password is None:
            raise CommandError("demo data is only for local and test settings", returncode=2)
        now = clock.now()
        generation = concerts.current_generation()
        if options["reset"]:
            concerts.retire(generation=generation, now=now)
            generation = concerts.current_generation()
        fans = people.load_fans(password=password, generation=generation, now=now)
        staff = people.load_staff(
            groups=sorted(settings.STAFF_GROUPS),
            password=password,
            admin_email=settings.DEMO_ADMIN_EMAIL,
            admin_password=settings.DEMO_ADMIN_PASSWORD,
        )
        try:
            shown = concerts.load(generation=generation, fans=fans, now=now)
        except (DomainError, IntegrityError) as error:
            raise CommandError(
                f"the concerts here don't fit this version's ({error}): run demo_data --reset"
            ) from error
        facts = {
            "concerts": [{"id": str(c.pk), "title": c.title_en} for c in shown],
            "fans": [fan.email for fan in fans],
            "staff": [person.email for person in staff],
            "generation": generation,
        }
        if options["json"]:
            self.stdout.write(json.dumps(facts))
            return
        titles = ", ".join(c.title_en for c in shown)
        self.stdout.write(f"concerts: {titles}")
        self.stdout.write(f"fans: {fans[0].email} to {fans[-1].email}")
        self.stdout.write(f"staff: {', '.join(map(str, staff))}")
