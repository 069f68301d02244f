"""manage.py keys: make, rotate and list the site's signing keys."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kernel import clock
from kernel.signing import keyring_file, keyring_store
from kernel.signing.keyring import MAC_USES, USES

_READ_SECONDS = 5.0  # a second for the look of each process, and time for a copy of the file


class Command(BaseCommand):
    """`manage.py keys init | upgrade | rotate USE | list [--json]`, each with `--store`."""

    help = "Make, rotate and list the signing keys in SIGNING_KEYS_FILE, or in a store."
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
            metavar="SECONDS",
            help="when it begins to sign: as long as the file may take to reach every process"
            f" ({_READ_SECONDS:g}; from a store {keyring_store.FOLLOW_SECONDS:g}); 0 where the old"
            " key is in wrong hands",
        )
        listing = commands.add_parser("list", help="uses, kids, states and ages; no secrets")
        listing.add_argument("--json", action="store_true", dest="as_json")
        for parser_of_one in commands.choices.values():
            parser_of_one.add_argument(
                "--store",
                metavar="secrets-manager:NAME",
                help="the ring is this entry of Secrets Manager, which pods follow within"
                " two minutes; account and region by AWS's own variables",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        store = options["store"]
        place = store or settings.SIGNING_KEYS_FILE
        try:
            with _ring(store) as path:
                self._carry_out(path, place, options)
        except keyring_store.StoreRefused as problem:
            raise CommandError(str(problem)) from problem
        except (OSError, ValueError, KeyError) as error:
            raise CommandError(f"{place}: {error}") from error

    def _carry_out(self, path: Path, place: str, options: dict[str, Any]) -> None:
        if options["command"] == "init":
            made = keyring_file.init(path, now=clock.now())
            self.stdout.write(f"{place}: {'keys made' if made else 'nothing to do'}")
        elif options["command"] == "upgrade":
            added = keyring_file.upgrade(path, now=clock.now())
            self.stdout.write(f"{place}: {'keys added' if added else 'nothing to do'}")
        elif options["command"] == "rotate":
            after = timedelta(seconds=_seconds_until_signing(options))
            kid = keyring_file.rotate(path, options["use"], now=clock.now(), after=after)
            self.stdout.write(f"{options['use']}: {kid} signs in {after.total_seconds():g} s")
        else:
            self._list(path, as_json=options["as_json"])

    def _list(self, path: Path, *, as_json: bool) -> None:
        entries = keyring_file.entries(path)
        if as_json:
            self.stdout.write(json.dumps(entries))
            return
        for entry in entries:
            self.stdout.write("{use:8} {kid:14} {state:9} {created_at}".format(**entry))


@contextmanager
def _ring(store: str | None) -> Iterator[Path]:
    if store is None:
        yield Path(settings.SIGNING_KEYS_FILE)
        return
    with keyring_store.ring_in_store(store) as path:
        yield path


def _seconds_until_signing(options: dict[str, Any]) -> float:
    if options["after"] is not None:
        return max(0.0, float(options["after"]))
    return keyring_store.FOLLOW_SECONDS if options["store"] else _READ_SECONDS
