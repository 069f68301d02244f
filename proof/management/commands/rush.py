"""`manage.py rush`: rehearse an on-sale on a stack of its own."""

import json
import signal
import sys
import time
import traceback
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import override

from kernel import clock
from kernel.errors import DomainError
from kernel.stored_files import FileNotKept
from proof import reports
from proof.rush import profiles, report, sale_file, seeding
from proof.rush.faults import FaultScriptInvalid, script_of
from proof.rush.live import LiveView
from proof.rush.rehearsal import Rehearsal, RehearsalFailed
from proof.rush.running import RushOrder, rehearse
from proof.rush.sale_file import SaleFile, SaleFileInvalid

_FAILED = 4
_EPILOG = """
what to do:
  (nothing)  rehearse: start a stack, let fans rush at a sale, judge it, drop the stack
  export     print the sale of --performance ID for --sale, without a person in it

exit codes:
  0  go
  1  an invariant was violated
  2  a target was missed
  3  void: the client itself was the bottleneck
  4  no go, because not everything could be looked at (a check, a fault that did not happen), or
     nothing was rehearsed: refused, a mistyped option, a bad file, a failure of any part
  130  interrupted
"""


class Command(BaseCommand):
    """Rehearse an on-sale; export a sale for it."""

    help = (
        "Rehearse an on-sale with thousands of fans on a stack of its own, with or without faults."
    )

    # A rehearsal has its own databases; those of this process's settings may not even run.
    requires_system_checks: list[str] = []

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> Any:
        form = {"epilog": _EPILOG, "formatter_class": RawDescriptionHelpFormatter}
        parser: Any = super().create_parser(prog_name, subcommand, **form, **options)
        if parser.called_from_command_line:
            parser.error = partial(_refuse_words, parser)  # argparse's own ends with 2
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        # seed and left are what a rehearsal runs on its own databases.
        parser.add_argument(
            "verb", nargs="?", default="run", choices=("run", "export", "seed", "left"),
            metavar="export", help="see below",
        )  # fmt: skip
        parser.add_argument("performance_id", nargs="?", type=UUID, metavar="PERFORMANCE")
        parser.add_argument("--profile", default="default", help="small, default, steady or a file")
        parser.add_argument("--seed", type=int, default=1, help="of all decisions; default 1")
        parser.add_argument("--sale", type=Path, metavar="FILE", help="a sale that was exported")
        parser.add_argument(
            "--faults", nargs="?", const="default", metavar="FILE", help="break parts meanwhile"
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")
        parser.add_argument("--report", type=Path, metavar="FOLDER", help="where the report goes")
        parser.add_argument("--keep", action="store_true", help="leave the stack running")
        parser.add_argument("--language", choices=("en", "ko"), default="en", help="of the report")
        parser.add_argument("--performance", type=UUID, dest="of", help="the same as PERFORMANCE")

    def handle(self, *args: Any, **options: Any) -> None:
        performance = options["performance_id"] or options["of"]
        try:
            match options["verb"]:
                case "run":
                    self._run(options)
                case "seed":
                    self._seed()
                case verb:
                    if performance is None:
                        raise CommandError(f"rush {verb} needs a performance", returncode=_FAILED)
                    self._show(verb, performance)
        except (profiles.ProfileInvalid, SaleFileInvalid, FaultScriptInvalid) as error:
            raise CommandError(f"rush: {error}", returncode=_FAILED) from None
        except DomainError as error:
            problem = f"rush: {error.code}: {error.message} {error.extras or ''}"
            raise CommandError(problem, returncode=_FAILED) from None
        except CommandError:
            raise
        except Exception as error:
            # Python would end with 1, which says that a promise was broken.
            self.stderr.write(traceback.format_exc())
            problem = f"rush: {type(error).__name__}: {error}"
            raise CommandError(problem, returncode=_FAILED) from error

    def _show(self, verb: str, performance_id: UUID) -> None:
        if verb == "export":
            self.stdout.write(sale_file.dump(sale_file.export(performance_id)), ending="")
        else:
            self.stdout.write(json.dumps(seeding.what_is_left(performance_id)))

    def _seed(self) -> None:
        _refuse_production()
        given = json.load(sys.stdin)
        sale: SaleFile = (
            seeding.demo_sale(profiles.RushProfile(**given["profile"]))
            if given["sale"] is None
            else sale_file.parse(json.dumps(given["sale"]))
        )
        self.stdout.write(json.dumps(seeding.seed(sale, now=clock.now())))

    def _run(self, options: dict[str, Any]) -> None:
        _refuse_production()
        order = RushOrder(
            profile=profiles.profile_of(options["profile"]),
            seed=options["seed"],
            sale=None if options["sale"] is None else sale_file.read(options["sale"]),
            faults=() if options["faults"] is None else script_of(options["faults"]),
        )
        folder = options["report"] or _report_folder()
        rehearsal = Rehearsal(keep=options["keep"])
        _turn_signals_into_interrupts()
        try:
            with (
                override(options["language"]),
                LiveView(out=sys.stderr, quiet=options["json"]) as view,
            ):
                verdict, found, history = rehearse(order, rehearsal, view)
        except RehearsalFailed as error:
            raise CommandError(f"rush: {error}", returncode=_FAILED) from None
        except KeyboardInterrupt:
            kept = "kept" if rehearsal.is_kept else "dropped"
            raise CommandError(f"rush: interrupted; the stack is {kept}", returncode=130) from None
        finally:
            _drop(rehearsal)
            if rehearsal.is_kept:
                self.stderr.write(
                    f"kept: {rehearsal.folder}: FRONTROW_DATA={rehearsal.site} "
                    "python -m stack status|reset"
                )
        with override(options["language"]):
            page = report.write(folder, found, history)
            self._keep(folder)
            self.stdout.write(json.dumps(found) if options["json"] else report.summary(found, page))
        sys.exit(int(verdict))

    def _keep(self, folder: Path) -> None:
        moment = datetime.fromtimestamp(time.time(), UTC)  # the primary need not run
        files = [folder / name for name in (report.PAGE, report.DATA, report.HISTORY)]
        try:
            names = reports.keep_rush(files, now=moment)
        except FileNotKept as error:
            self.stderr.write(f"rush: the report lies in {folder} alone: {error}")
        else:
            self.stderr.write(f"rush: the report is kept as {names[0]}")


def _refuse_production() -> None:
    if not settings.TEST_FANS_ALLOWED:
        raise CommandError("rush: refused: these settings are for production", returncode=_FAILED)


def _refuse_words(parser: ArgumentParser, message: str) -> NoReturn:
    parser.print_usage(sys.stderr)
    parser.exit(_FAILED, f"{parser.prog}: error: {message}\n")


def _report_folder() -> Path:
    # The clock of this process: the primary that `clock.now` follows need not run.
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return Path(settings.BASE_DIR) / ".data" / "rush" / name


def _turn_signals_into_interrupts() -> None:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def _drop(rehearsal: Rehearsal) -> None:
    """Drop the stack whatever comes; an impatient second Ctrl-C must not leave half of it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    rehearsal.drop()
