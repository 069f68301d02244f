"""`manage.py layout check|import|export`: seats and prices of a performance as a file."""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from concerts import policy, queries
from concerts.layout import files
from concerts.layout.difference import Difference
from concerts.layout.form import MAX_BYTES, Layout, Problem
from concerts.layout.rules import warnings_of
from concerts.usecases import layouts
from kernel import clock
from kernel.errors import DomainError

OK, INVALID, REFUSED = 0, 1, 2


class Command(BaseCommand):
    """Check, import or export a layout file (docs/layout.md)."""

    help = (
        "Check, import or export a layout file (docs/layout.md). "
        "Exit code 0: fine; 1: the file has errors; 2: refused (unknown or frozen performance)."
    )

    _is_large = False
    _shown = ("", 0)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what it takes."""
        parser.add_argument("verb", choices=("check", "import", "export"))
        parser.add_argument("file", type=Path, help="a .json or .csv file")
        parser.add_argument("--performance", type=UUID, help="key; check works without it too")
        parser.add_argument(
            "--print", action="store_true", dest="to_screen", help="export: print, write no file"
        )
        parser.add_argument("--reason", default="layout file", help="for the audit entry")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of the three."""
        verb, path, performance_id = options["verb"], options["file"], options["performance"]
        if verb != "check" and performance_id is None:
            raise CommandError(f"layout {verb} needs --performance ID", returncode=REFUSED)
        try:
            if verb == "export":
                self._export(
                    path, performance_id, as_json=options["json"], to_screen=options["to_screen"]
                )
                return
            file = layouts.LayoutFile(path.name, self._content(path), clock.now())
            layout = self._read(file, options["json"])
            difference = self._apply(verb, file, layout, performance_id, options["reason"])
        except DomainError as refusal:
            if options["json"]:
                self._print({"ok": False, "code": refusal.code, "errors": []})
                sys.exit(REFUSED)
            raise CommandError(f"{refusal.code}: {refusal.message}", returncode=REFUSED) from None
        self._report(verb, layout, difference, as_json=options["json"])

    def _apply(
        self,
        verb: str,
        file: layouts.LayoutFile,
        layout: Layout,
        performance_id: UUID | None,
        reason: str,
    ) -> Difference | None:
        if performance_id is None:
            return None
        if verb == "check":
            return layouts.preview(performance_id=performance_id, layout=layout)
        change, _ = layouts.import_file(
            file,
            performance_id=performance_id,
            layout=layout,
            actor_id=None,
            reason=reason,
            now=file.received_at,
            progress=self._show,
        )
        return change

    def _show(self, stage: str, done: int, total: int) -> None:
        """Tell on standard error how far a large file is, a line a tenth."""
        step = (stage, 10 * done // max(total, 1))
        if self._is_large and step != self._shown:
            self._shown = step
            self.stderr.write(f"{stage}: {10 * step[1]} %", style_func=str)

    def _content(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)  # one more: too large, whatever it is
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}", returncode=INVALID) from None

    def _read(self, file: layouts.LayoutFile, as_json: bool) -> Layout:
        self._is_large = len(file.content) > policy.READ_AT_ONCE_BYTES
        layout, problems = files.read(name=file.name, content=file.content, progress=self._show)
        if layout is None or problems:
            self._complain(file.name, problems, as_json)
            sys.exit(INVALID)
        return layout

    def _complain(self, name: str, problems: list[Problem], as_json: bool) -> None:
        if as_json:
            errors = [problem.as_json() for problem in problems]
            self._print({"ok": False, "code": "layout_invalid", "errors": errors})
            return
        for problem in problems:
            self.stderr.write(f"{name}: {problem}")

    def _export(self, path: Path, performance_id: UUID, *, as_json: bool, to_screen: bool) -> None:
        layout = queries.layout_of(performance_id)
        if not layout.seats:
            raise CommandError("the performance has no seats", returncode=REFUSED)
        if path.suffix.lower() not in files.SUFFIXES:
            raise CommandError("the file must end in .json or .csv", returncode=INVALID)
        text = files.write(layout, name=path.name)
        if to_screen:
            self.stdout.write(text, ending="")
            return
        path.write_bytes(files.encode(text, name=path.name))
        if as_json:
            self._print({"ok": True, "file": str(path), "seats": len(layout.seats)})
        else:
            self.stdout.write(f"{path}: {len(layout.seats):,} seats written")

    def _report(
        self, verb: str, layout: Layout, difference: Difference | None, *, as_json: bool
    ) -> None:
        warnings = warnings_of(layout)
        if as_json:
            facts = difference.as_json() if difference else {"seats": len(layout.seats)}
            shown = [warning.as_json() for warning in warnings]
            self._print({"ok": True, "imported": verb == "import", "warnings": shown, **facts})
            return
        for warning in warnings:
            self.stderr.write(f"warning: {warning}", style_func=str)
        if difference is None:
            self.stdout.write(
                f"fine: {len(layout.seats):,} seats, {len(layout.sections)} sections, "
                f"{len(layout.grades)} grades"
            )
            return
        for grade in difference.grades:
            before = "" if grade.price_before is None else f" (was {grade.price_before:,})"
            self.stdout.write(
                f"grade {grade.code}: {grade.seats:,} seats at {grade.price:,}{before}"
            )
        for section in difference.sections:
            self.stdout.write(
                f"section {section.code}: grade {section.grade}, {section.seats:,} seats "
                f"(was {section.seats_before:,})"
            )
        for code in difference.removed_sections:
            self.stdout.write(f"section {code}: goes")
        if difference.shapes or difference.shapes_before:
            self.stdout.write(
                f"stage and outlines: {difference.shapes} (was {difference.shapes_before})"
            )
        done = "imported" if verb == "import" else "would be imported"
        outcome = done if difference.changed else "nothing to change"
        self.stdout.write(
            f"{outcome}: {difference.seats:,} seats, +{difference.seats_added:,} "
            f"-{difference.seats_removed:,}"
        )

    def _print(self, facts: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(facts))
