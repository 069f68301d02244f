"""`manage.py export_person`: everything that is kept of a person."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.queries import person_named
from kernel import clock
from personal.export import export

_EXIT_CODES = """
exit codes:
  0  the person's data are on the standard output
  1  nobody has this e-mail address or id; nothing is written

It is personal data: write it to a file that only its receiver may read.
"""


class Command(BaseCommand):
    """Export a person's data, as the download on the person's own page does."""

    help = "Write everything that is kept of a person to the standard output."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        kwargs |= {"epilog": _EXIT_CODES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "email",
            metavar="EMAIL",
            help="a verified e-mail address, or the person's id (of a deleted account, too)",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        user_id = person_named(options["email"])
        if user_id is None:
            raise CommandError(f"Nobody has the e-mail address or id {options['email']}.")
        found = export(user_id=user_id, now=clock.now())
        self.stdout.write(
            json.dumps(found, ensure_ascii=False) if options["json"] else _as_text(found)
        )


def _as_text(found: dict[str, Any]) -> str:
    lines = [f"person {found['person']} as of {found['as_of']}"]
    for model, rows in found["kept"].items():
        lines += ["", f"{model}: {len(rows)}"]
        for row in rows:
            lines.append("  - " + json.dumps(row, ensure_ascii=False))
    lines += ["", "left out:"]
    lines += [f"  {model}: {reason}" for model, reason in found["left_out"].items()]
    return "\n".join(lines)
