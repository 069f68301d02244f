"""manage.py keys: make, rotate and list the site's signing keys."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kernel import clock
from kernel.signing import keyring_file
from kernel.signing.keyring import MAC_USES, USES

_READ_SECONDS = 5.0  # a second for the look of each process, and time for a copy of the file


class Command(BaseCommand):
    """`manage.py keys init | upgrade | rotate USE | list [--json]`."""

    help = "Make, rotate and list the signing keys in SIGNING_KEYS_FILE."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("init", help="make the ring if there is none; repeatable")
        commands.add_parser(
            "upgrade",
            help="add the keys that came with this release; repeatable. Run it once no process of "
            "an earlier release is left: they refuse tokens made with such a key",
        )
        rotate = commands.add_parser("rotate", help="a new current key; the old one still verifies")
        rotate.add_argument("use", choices=(*USES, *MAC_USES))
        rotate.add_argument(
            "--after",
            type=float,
            default=_READ_SECONDS,
            metavar="SECONDS",
            help="when it begins to sign: as long as the file may take to reach every process"
            " (%(default)g); 0 where the old key is in wrong hands",
        )
        listing = commands.add_parser("list", help="uses, kids, states and ages; no secrets")
        listing.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.SIGNING_KEYS_FILE)
        try:
            if options["command"] == "init":
                made = keyring_file.init(path, now=clock.now())
                self.stdout.write(f"{path}: {'keys made' if made else 'nothing to do'}")
            elif options["command"] == "upgrade":
                added = keyring_file.upgrade(path, now=clock.now())
                self.stdout.write(f"{path}: {'keys added' if added else 'nothing to do'}")
            elif options["command"] == "rotate":
                after = timedelta(seconds=max(0.0, options["after"]))
                kid = keyring_file.rotate(path, options["use"], now=clock.now(), after=after)
                self.stdout.write(f"{options['use']}: {kid} signs in {after.total_seconds():g} s")
            else:
                self._list(path, as_json=options["as_json"])
        except (OSError, ValueError, KeyError) as error:
            raise CommandError(f"{path}: {error}") from error

    def _list(self, path: Path, *, as_json: bool) -> None:
        entries = keyring_file.entries(path)
        if as_json:
            self.stdout.write(json.dumps(entries))
            return
        for entry in entries:
            self.stdout.write("{use:8} {kid:14} {state:9} {created_at}".format(**entry))
