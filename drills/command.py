"""What `python -m drills` does with its words."""

import argparse
import json
import sys
import time
from collections.abc import Collection, Mapping
from typing import Any

from drills import report as pages
from drills.alerts import command as alerts
from drills.catalogue import DRILLS, QUICK
from drills.drill import Drill
from drills.guards import GuardNotFound
from drills.releases import command as releases
from drills.running import FLOWS_PER_SECOND, DrillFailed, DrillOrder, DrillStage
from drills.words import FAILED, INTERRUPTED, DrillWords, end_as_by_ctrl_c, refuse
from proof.rush.live import LiveView
from proof.rush.profiles import ProfileInvalid
from proof.rush.rehearsal import RehearsalFailed

_RATES = (1.0, 200.0)
_SHOWN = 12  # broken promises; --json has all
_SEVERAL = {"quick": QUICK, "all": tuple(DRILLS)}
_EPILOG = """
drills:
{drills}
  quick            {quick}
  all              every one, in this order
  alerts           not one of them: which alerts come when parts are broken (alerts --help)
  releases         nor these: which builds stay under load, and which are taken back (its --help)

exit codes:
  0  held: every promise, within every limit
  1  broken: a promise did not hold (what a control has to end with)
  2  a limit was missed
  3  the load itself was too late, so its figures don't count
  4  nothing was drilled: a mistyped word, a stack that does not start
  130  interrupted
Of several drills the worst counts: 4, then 1, 2, 3.
"""
_WORST = (FAILED, 1, 2, 3, 0)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    drills = "\n".join(f"  {one.name:<16} {one.says}" for one in DRILLS.values())
    made = DrillWords(
        prog="python -m drills",
        description="Lose a part of a stack with spare parts under load, and judge what follows.",
        epilog=_EPILOG.format(drills=drills, quick=", ".join(QUICK)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", nargs="+", choices=[*DRILLS, *_SEVERAL], metavar="NAME|quick|all")
    made.add_argument("--control", action="store_true", help="without its guard: it has to break")
    made.add_usual(saved="docs/drills.md", rate=FLOWS_PER_SECOND)
    return made


def main(words: list[str] | None = None) -> int:
    """Run what the command line names; return the exit code."""
    given = sys.argv[1:] if words is None else words
    if given[:1] == ["alerts"]:
        return alerts.main(given[1:])
    if given[:1] == ["releases"]:
        return releases.main(given[1:])
    made = parser()
    options = made.parse_args(given)
    if not _RATES[0] <= options.rate <= _RATES[1]:
        return refuse(f"--rate must be {_RATES[0]:g} to {_RATES[1]:g}")
    chosen = _chosen(options.names, control=options.control)
    if not chosen:
        return refuse(f"no control has {', '.join(options.names)}")
    end_as_by_ctrl_c()
    codes, stage = set(), DrillStage()
    try:
        for drill in chosen:
            order = DrillOrder(drill, options.rate, without_guard=options.control)
            codes.add(_run(stage, order, as_json=options.json, save=options.save))
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        stage.drop()
    return next(code for code in _WORST if code in codes)


def _chosen(names: Collection[str], *, control: bool) -> list[Drill]:
    meant = {*names, *(one for name in names for one in _SEVERAL.get(name, ()))}
    wanted = [one for one in DRILLS.values() if one.name in meant]
    return [one for one in wanted if one.control or not control]


def _run(stage: DrillStage, order: DrillOrder, *, as_json: bool, save: bool) -> int:
    try:
        begun = time.monotonic()
        with LiveView(out=sys.stderr, quiet=as_json) as view:
            report = stage.run(order, view)
        report["seconds"] = round(time.monotonic() - begun)
    except (RehearsalFailed, DrillFailed, GuardNotFound, ProfileInvalid) as error:
        return refuse(f"{order.drill.name}: {error}")
    if save:
        pages.save(report)
    print(json.dumps(report) if as_json else summary(report))
    return int(report["exit_code"])


def summary(report: Mapping[str, Any]) -> str:
    """Return a report for people."""
    title = f"{report['drill']}{', without its guard' if report['control'] else ''}"
    lines = [
        f"{title}: {report['verdict']}",
        f"  {report['requests']} requests, {report['acknowledged']} acknowledged,"
        f" {report['lost']} lost, audit {report['audit']}",
        *(
            f"  {name}: {value:g}"
            + (f" (at most {report['limits'][name]:g})" if name in report["limits"] else "")
            for name, value in report["figures"].items()
        ),
        *(f"  {count} x {error}" for error, count in report["errors"].items()),
        *(f"  BROKEN {sentence}" for sentence in report["broken"][:_SHOWN]),
        *(f"  MISSED {sentence}" for sentence in report["missed"]),
        *(f"  LATE {sentence}" for sentence in report["late"]),
    ]
    return "\n".join(lines)
