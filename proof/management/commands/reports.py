"""`manage.py reports`: reports of audits and rehearsals that are kept."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from kernel import stored_files
from kernel.storage_places import LINK_SECONDS
from proof.reports import FOLDER


class Command(BaseCommand):
    """List kept reports, print one, or make a link to one."""

    help = "List kept reports, print one after checking it, or make a link that shows it."

    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="the names, the oldest first")
        listing.add_argument("--json", action="store_true", help="a list, for programs")
        verbs.add_parser("show", help="print one; 1 if it was changed").add_argument("name")
        meaning = f"an address that shows one for {LINK_SECONDS} s"
        verbs.add_parser("link", help=meaning).add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "list":
            names = stored_files.names(FOLDER)
            self.stdout.write(json.dumps(names) if options["json"] else "\n".join(names))
            return
        name = options["name"]
        try:
            content = stored_files.read(name)
        except stored_files.FileUnknown:
            raise CommandError(f"There is no report {name}.", returncode=2) from None
        except stored_files.FileBroken:
            raise CommandError(f"{name} is not what was written.", returncode=1) from None
        found = content.decode() if options["verb"] == "show" else stored_files.link_to(name)
        self.stdout.write(found)
