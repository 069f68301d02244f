"""manage.py documents: generate openapi.yml, errors.md and erd.md from the code."""

import io
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import override

from kernel.docs import error_codes
from kernel.docs.erd import diagram


class Command(BaseCommand):
    """Generate docs/{openapi.yml,errors.md,erd.md}, or say that the committed copies drifted."""

    help = "Write docs/openapi.yml, errors.md and erd.md; --check only compares (exit 1 on drift)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        import_module(settings.ROOT_URLCONF)  # every view, and with it every error, is imported
        drifted = []
        for name, render in _DOCUMENTS.items():
            path = Path(settings.BASE_DIR) / "docs" / name
            wanted = render()
            if path.exists() and path.read_text() == wanted:
                continue
            drifted.append(name)
            if not options["check"]:
                path.write_text(wanted)
                self.stdout.write(f"wrote docs/{name}")
        call_command("configuration", check=options["check"], stdout=self.stdout)
        if drifted and options["check"]:
            raise CommandError(f"run `manage.py documents`: {', '.join(drifted)} drifted")


def _openapi() -> str:
    out = io.StringIO()
    with override("en"):
        call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    return out.getvalue()


def _errors() -> str:
    return "\n".join(_error_lines()) + "\n"


def _error_lines() -> Iterator[str]:
    yield "# Error codes"
    yield ""
    yield "Written by `manage.py documents`. Every refusal is `application/problem+json`"
    yield "(RFC 9457) whose `code` is stable; the status says how to treat it. A 503 has"
    yield "`Retry-After`: nothing was changed, try again."
    yield ""
    yield "| code | status | meaning | 뜻 |"
    yield "|---|---|---|---|"
    for one in error_codes.documented():
        with override("en"):
            english = str(one.message)
        with override("ko"):
            korean = str(one.message)
        yield f'| <a id="{one.code}"></a>`{one.code}` | {one.status} | {english} | {korean} |'


_DOCUMENTS: dict[str, Callable[[], str]] = {
    "openapi.yml": _openapi,
    "errors.md": _errors,
    "erd.md": diagram,
}
