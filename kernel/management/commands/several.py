"""manage.py several: run several commands in one process."""

import shlex
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Run commands one after the other; loading the project once saves a second for each more."""

    help = "Run several commands in order, each given as one argument; the first failure ends it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("commands", nargs="+", metavar="COMMAND", help='such as "keys init"')

    def handle(self, *args: Any, **options: Any) -> None:
        for line in options["commands"]:
            name, *arguments = shlex.split(line)
            call_command(name, *arguments, stdout=self.stdout, stderr=self.stderr)
