"""`manage.py audit`: derive every promise again from what the stores hold."""

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from concerts.models import Performance
from kernel import clock
from kernel.stored_files import FileNotKept
from proof import reports
from proof.findings import AuditReport, AuditScope
from proof.usecases import audits

_VIOLATED, _INCOMPLETE = 1, 2
_EXIT_CODES = """
exit codes:
  0  every check looked, and found nothing
  1  a check found a violation
  2  nothing was found, but not every check could look
  3  the report could not be kept
"""


class Command(BaseCommand):
    """Make every check of an audit, and change nothing."""

    help = "Check every promise against what PostgreSQL, gateway, Kafka and lock server hold."

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        form = {"epilog": _EXIT_CODES, "formatter_class": RawDescriptionHelpFormatter}
        return super().create_parser(prog_name, subcommand, **form, **options)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object")
        parser.add_argument("--performance", type=UUID, help="only this one")
        parser.add_argument("--keep", action="store_true", help="store the report, for good")
        parser.add_argument(
            "--settled-after",
            type=int,
            metavar="SECONDS",
            help="how old a difference between stores must be, instead of each check's own time",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        performance, seconds = options["performance"], options["settled_after"]
        if performance and not Performance.objects.filter(pk=performance).exists():
            raise CommandError(f"There is no performance {performance}.", returncode=_INCOMPLETE)
        settling = None if seconds is None else timedelta(seconds=seconds)
        report = audits.audit(
            AuditScope(performance_id=performance, settling=settling),
            now=clock.now(),
            progress=self._show_progress,
        )
        self.stdout.write(json.dumps(report.as_json()) if options["json"] else _as_text(report))
        if options["keep"]:
            self._keep(report)
        if report.violations:
            count = len(report.violations)
            raise CommandError(f"{count} violations.", returncode=_VIOLATED)
        if report.failures:
            count = len(report.failures)
            raise CommandError(f"{count} checks could not look.", returncode=_INCOMPLETE)

    def _keep(self, report: AuditReport) -> None:
        try:
            self.stderr.write(f"kept as {reports.keep_audit(report)}")
        except FileNotKept as error:
            raise CommandError(f"The report could not be kept: {error}", returncode=3) from None

    def _show_progress(self, check: str, looked_at: int) -> None:
        self.stderr.write(f"{check}: {looked_at}")


def _as_text(report: AuditReport) -> str:
    lines = [f"as of {clock.as_text(report.as_of)}, read from {report.source}"]
    for result in report.results:
        verdict = "ok" if not result.violations else f"{len(result.violations)} found"
        verdict = f"not seen: {result.failure}" if result.failure else verdict
        lines.append(f"{result.check:<32} {result.looked_at:>8}  {verdict}")
        lines += [f"    {one.subject}  {one.detail}" for one in result.violations]
    return "\n".join(lines)
