"""What `python -m drills alerts` does with its words."""

import argparse
import json
import sys
from collections.abc import Collection, Mapping
from typing import Any

from drills.alerts import page
from drills.alerts.faults import FAULTS
from drills.alerts.running import FLOWS_PER_SECOND, QUIET, AlertDrill, AlertOrder
from drills.words import INTERRUPTED, DrillWords, end_as_by_ctrl_c, refuse
from proof.rush.live import LiveView
from proof.rush.profiles import ProfileInvalid
from proof.rush.rehearsal import RehearsalFailed
from stack.errors import StackError

_RATES = (0.5, 20.0)
_EPILOG = """
names (all, if none is given):
  quiet              ten minutes in which nothing is broken, and no alert may come
{faults}

exit codes:
  0  held: quiet brought no alert, each fault its own, in time, and it ended
  1  broken: an alert came that should not, or one did not come or end
  2  an alert came or ended too late
  3  the load ended too soon, so nothing counts
  4  nothing was tried: a mistyped word, a stack that does not start
  130  interrupted
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    faults = "\n".join(f"  {one.name:<18} {one.alert}: {one.says}" for one in FAULTS)
    made = DrillWords(
        prog="python -m drills alerts",
        description="Break an observed stack under a light load, and see who is called, and when.",
        epilog=_EPILOG.format(faults=faults),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [QUIET, *(one.name for one in FAULTS)]
    made.add_argument("names", nargs="*", metavar="NAME")
    made.add_usual(saved="docs/drills-alerts.md", rate=FLOWS_PER_SECOND)
    made.set_defaults(known=names)
    return made


def main(words: list[str]) -> int:
    """Run what the command line names; return the exit code."""
    made = parser()
    options = made.parse_args(words)
    if unknown := sorted(set(options.names) - set(options.known)):
        return refuse(f"alerts: there is no {', '.join(unknown)}: --help lists all")
    if not _RATES[0] <= options.rate <= _RATES[1]:
        return refuse(f"alerts: --rate must be {_RATES[0]:g} to {_RATES[1]:g}")
    end_as_by_ctrl_c()
    try:
        with LiveView(out=sys.stderr, quiet=options.json) as view:
            report = AlertDrill(_order(options.names, options.rate), view).run()
    except (RehearsalFailed, StackError, ProfileInvalid) as error:
        return refuse(f"alerts: {error}")
    except KeyboardInterrupt:
        return INTERRUPTED
    if options.save:
        page.save(report)
    print(json.dumps(report) if options.json else summary(report))
    return int(report["exit_code"])


def _order(names: Collection[str], rate: float) -> AlertOrder:
    wanted = [one for one in FAULTS if not names or one.name in names]
    return AlertOrder(not names or QUIET in names, wanted, rate)


def summary(report: Mapping[str, Any]) -> str:
    """Return a report for people."""
    lines = [f"alerts: {report['verdict']}, in {report['seconds']} s, audit {report['audit']}"]
    if quiet := report["quiet"]:
        lines.append(f"  {quiet['seconds']:g} quiet seconds: {len(quiet['alerts'])} alerts")
    for one in report["faults"]:
        others = ", ".join([*one["others"], *(f"{name} (!)" for name in one["unexpected"])])
        lines.append(
            f"  {one['fault']}: {one['alert']} after {page.seconds(one['received_after'])} (at most"
            f" {one['limit']:g}), ended after {page.seconds(one['ended_after'])} (at most"
            f" {one['end_limit']:g}){f'; also {others}' if others else ''}"
        )
    lines += [f"  BROKEN {sentence}" for sentence in report["broken"]]
    lines += [f"  MISSED {sentence}" for sentence in report["missed"]]
    return "\n".join([*lines, *(f"  LATE {sentence}" for sentence in report["late"])])
