"""What `python -m drills releases` does with its words."""

import argparse
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from deploy.cluster.kubectl import Refused
from deploy.tools.build import NoTool
from drills.guards import GuardNotFound
from drills.releases import page
from drills.releases.cases import CASES, ReleaseCase
from drills.releases.running import FLOWS_PER_SECOND, ReleaseDrill
from drills.words import INTERRUPTED, DrillWords, end_as_by_ctrl_c, refuse
from proof.rush.live import LiveView
from proof.rush.profiles import ProfileInvalid
from proof.rush.rehearsal import RehearsalFailed
from stack.errors import StackError

_RATES = (1.0, 50.0)
_EPILOG = """
names (all, if none is given):
{cases}

It needs kubectl, and builds the programs of the cluster once (docs/cluster.md).

exit codes:
  0  held: good releases came in, bad ones were taken back (--control: bad ones came in)
  1  broken: a release became what it should not, or a promise was broken meanwhile
  3  the load ended too soon, so nothing counts
  4  nothing was tried: a mistyped word, a stack or a cluster that does not start
  130  interrupted
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    cases = "\n".join(f"  {one.name:<16} {one.says}" for one in CASES)
    made = DrillWords(
        prog="python -m drills releases",
        description="Release builds to a site under load, and see which of them stay.",
        epilog=_EPILOG.format(cases=cases),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("names", nargs="*", metavar="NAME")
    made.add_argument("--control", action="store_true", help="without analysis: all come in")
    made.add_argument("--times", type=int, default=1, help="release each so often (%(default)s)")
    made.add_usual(saved="docs/drills-releases.md", rate=FLOWS_PER_SECOND)
    return made


def main(words: list[str]) -> int:
    """Run what the command line names; return the exit code."""
    options = parser().parse_args(words)
    if unknown := sorted(set(options.names) - {one.name for one in CASES}):
        return refuse(f"releases: there is no {', '.join(unknown)}: --help lists all")
    if not _RATES[0] <= options.rate <= _RATES[1]:
        return refuse(f"releases: --rate must be {_RATES[0]:g} to {_RATES[1]:g}")
    if not 1 <= options.times <= 20:
        return refuse("releases: --times must be 1 to 20")
    cases = _chosen(options.names, control=options.control) * options.times
    if not cases:
        return refuse(f"releases: no control has {', '.join(options.names)}")
    end_as_by_ctrl_c()
    view = LiveView(out=sys.stderr, quiet=options.json)
    drill = ReleaseDrill(options.rate, view)
    reports = []
    try:
        drill.start()
        for case in cases:
            reports.append(drill.run(case, control=options.control))
            if options.save:
                page.save(reports)
            print(json.dumps(reports[-1]) if options.json else summary(reports[-1]), flush=True)
    except (RehearsalFailed, StackError, ProfileInvalid, Refused, NoTool, GuardNotFound) as error:
        return refuse(f"releases: {error}")
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        view.stop()
        drill.stop()
    return _exit_code(reports)


def _chosen(names: Collection[str], *, control: bool) -> Sequence[ReleaseCase]:
    wanted = [one for one in CASES if not names or one.name in names]
    return [one for one in wanted if one.has_control or not control]


def _exit_code(reports: Sequence[Mapping[str, Any]]) -> int:
    if any(one["broken"] for one in reports):
        return 1
    return 3 if any(one["late"] for one in reports) else 0


def summary(report: Mapping[str, Any]) -> str:
    """Return a report for people."""
    name = f"{report['case']}{', without analysis' if report['control'] else ''}"
    lines = [
        f"{name}: {report['became'] or 'undecided'}, shares {report['shares']}"
        f" ({report['message'] or 'no message'})",
        f"  {report['requests']} requests of {report['fans']} fans; {report['requests_met']}"
        f" ({report['share_met']:.1%}) met it, of {report['fans_met']} fans, within"
        f" {report['met_seconds']} s",
        f"  failed: {report['failed']} at the old pods, {report['failed_met']} at the new ones;"
        f" back in {report['back_seconds']} s; audit {report['audit']}",
    ]
    lines += [f"  BROKEN {sentence}" for sentence in report["broken"]]
    return "\n".join([*lines, *(f"  LATE {sentence}" for sentence in report["late"])])
