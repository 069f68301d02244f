"""manage.py configuration: document every environment variable, from its reader."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from kernel import env
from kernel.env import Setting

_HEAD = """\
# Configuration

Written by `manage.py configuration` from the settings' readers (`config/settings/`). Every value
comes from the environment; an invalid one stops the process at boot with a line that names it.
`python -m stack env` prints the values of the local stack.

| Variable | Form | Default | Meaning |
|---|---|---|---|
"""
# Read by the libraries, not by our settings.
_OTHERS = (
    Setting(
        "DJANGO_SETTINGS_MODULE",
        "a module",
        "config.settings.local",
        "Which settings: config.settings.local or config.settings.production.",
    ),
    Setting(
        "PROMETHEUS_MULTIPROC_DIR",
        "a folder",
        "",
        "Where the API's processes share their metrics; emptied before a start.",
    ),
)
_ENV_HEAD = """\
# Written by `manage.py configuration`. Copy to .env and fill in what has no value.
"""


class Command(BaseCommand):
    """`manage.py configuration [--check]`."""

    help = "Write docs/configuration.md and .env.example; --check only compares (exit 1 on drift)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="compare, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        settings.DEBUG  # noqa: B018  (reads the settings, and with them declares every variable)
        readers = sorted([*env.declared.values(), *_OTHERS], key=lambda reader: reader.name)
        drifted = []
        for name, render in _DOCUMENTS.items():
            path = Path(settings.BASE_DIR) / name
            wanted = render(readers)
            if path.exists() and path.read_text() == wanted:
                continue
            drifted.append(name)
            if not options["check"]:
                path.parent.mkdir(exist_ok=True)
                path.write_text(wanted)
                self.stdout.write(f"wrote {name}")
        if drifted and options["check"]:
            raise CommandError(f"run `manage.py configuration`: {', '.join(drifted)} drifted")


def _markdown(readers: Iterable[Setting]) -> str:
    return _HEAD + "".join(
        f"| `{reader.name}` | {reader.form} | {_default(reader)} | {_cell(reader.help)} |\n"
        for reader in readers
    )


def _dotenv(readers: Iterable[Setting]) -> str:
    lines = [_ENV_HEAD]
    for reader in readers:
        secret = " Secret." if reader.secret else ""
        lines.append(f"\n# {reader.help} ({reader.form}){secret}\n")
        if reader.default is None:
            lines.append(f"{reader.name}=\n")
        else:
            lines.append(f"# {reader.name}={_example(reader)}\n")
    return "".join(lines)


def _default(reader: Setting) -> str:
    if reader.default is None:
        return "none: must be set"
    return f"`{_cell(reader.default)}`" if reader.default else "empty"


def _example(reader: Setting) -> str | None:
    return reader.default if " " not in (reader.default or "") else ""


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("\n", " ")


_DOCUMENTS: dict[str, Callable[[Iterable[Setting]], str]] = {
    "docs/configuration.md": _markdown,
    ".env.example": _dotenv,
}
