"""`python -m release`: ask about a release before it goes out, and take one back.

    python -m release migrations [--since COMMIT] [--json]
    python -m release compatibility [--since COMMIT] [--all] [--processes N] [--json]
    python -m release verify URL [--expect RELEASE] [--kubeconfig FILE] [--wait SECONDS] [--json]
    python -m release rollback --reason WHY [--to REVISION] [--json]

Exit code 0: nothing is wrong; 1: something is; 2: it could not be asked or begun. `migrations`
needs the settings and the database that `manage.py` needs; `compatibility` starts servers of its
own; `rollback` needs a kubeconfig and helm. `verify` asks a cluster by its kubeconfig, else the
databases of its own environment and a Prometheus at --prometheus; OPS_TOKEN shows it every part.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

from deploy.cluster import previous
from deploy.cluster.helm import Helm
from deploy.cluster.kubectl import Kubectl, Refused
from deploy.tools.build import NoTool
from observability.live import DEFAULT as PROMETHEUS
from release import asking
from release import compatibility as last_release
from release import verify as running
from release.rollback import go_back, last_revision
from stack.errors import StackError

WRONG, UNKNOWN = 1, 2
KUBECONFIG = Path("~/.kube/config").expanduser()
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def migrations(options: argparse.Namespace) -> int:
    """Say what the new migrations would do to a site that serves."""
    import django  # noqa: PLC0415  (going back needs neither settings nor a database)

    django.setup()

    from release.migrations import added_since  # noqa: PLC0415  (needs the set-up)

    commit = options.since or previous.commit()
    found = added_since(commit)
    if options.json:
        print(json.dumps({"since": commit, "findings": [asdict(one) for one in found]}))
    else:
        for one in found:
            print(f"{one.migration}: {one.code} {one.table}".rstrip() + f": {one.says}")
        print(f"release: {len(found)} findings since {commit}")
    return WRONG if found else 0


def compatibility(options: argparse.Namespace) -> int:
    """Run the last release's tests on this release's schema."""
    commit = options.since or previous.commit()
    tier = "all" if options.all else "quick"
    outcome = last_release.check(commit, tier=tier, processes=options.processes)
    if options.json:
        print(json.dumps(asdict(outcome)))
    else:
        failed = [f"failed: {name}" for name in outcome.failed]
        before = [f"failed before, too: {name}" for name in outcome.failed_before]
        for line in (*outcome.findings, *before, *failed):
            print(line)
        print(
            f"release: {len(outcome.failed)} of {outcome.tests} tests of {commit} fail on this "
            f"schema, {len(outcome.findings)} findings ({outcome.seconds:.0f} s)"
        )
    return WRONG if outcome.failed or outcome.findings else 0


def verify(options: argparse.Namespace) -> int:
    """Say whether what runs is what was wished for, and can be watched."""
    if options.kubeconfig:
        kubectl = Kubectl(options.kubeconfig, personal=True)
        migrations = asking.migrations_in(kubectl, options.namespace)
        query = asking.prometheus_in(kubectl)
    else:
        migrations = asking.migrations_here(os.environ)
        query = asking.prometheus(PROMETHEUS)
    if options.prometheus:
        query = asking.prometheus(options.prometheus.rstrip("/"))
    token = os.environ.get("OPS_TOKEN", "")
    site = running.Site(options.url.rstrip("/"), token, query, migrations)
    seen = running.await_right(site, options.expect, seconds=options.wait)
    if options.json:
        print(json.dumps({"url": options.url, "looked": [asdict(one) for one in seen]}))
    else:
        for one in seen:
            print(f"{one.at}: {'; '.join(one.wrong) or one.unknown or 'as it should be'}")
    return running.exit_code(seen)


def rollback(options: argparse.Namespace) -> int:
    """Go back to the last revision or a named one: 0 all of it, WRONG not all of it."""
    kubectl = Kubectl(options.kubeconfig, personal=True)
    helm = Helm(kubectl, options.namespace)
    try:
        revision = options.to or last_revision(helm)
        outcome = go_back(kubectl, helm, options.namespace, revision, options.reason)
    except Refused as refused:
        print(f"release: {refused}", file=sys.stderr)
        return WRONG
    if options.json:
        print(json.dumps(vars(outcome)))
    else:
        if outcome.seconds is not None:
            print(f"release: all requests go to revision {revision} after {outcome.seconds:.0f} s")
        for problem in outcome.problems:
            print(f"release: {problem}", file=sys.stderr)
    return WRONG if outcome.problems else 0


def _parser() -> argparse.ArgumentParser:
    words = __doc__ or ""
    parser = argparse.ArgumentParser(
        prog="python -m release",
        description=words.splitlines()[0],
        epilog=words.partition("\n\n")[2].partition("\n\n")[2],
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    asked = commands.add_parser("migrations", help="what new migrations would lock or take")
    asked.set_defaults(run=migrations)
    tested = commands.add_parser(
        "compatibility", help="the last release's tests on this release's schema"
    )
    tested.add_argument("--all", action="store_true", help="not only those of the API")
    tested.add_argument(
        "--processes", type=int, default=1, choices=range(1, 9), metavar="N", help="side by side"
    )
    tested.set_defaults(run=compatibility)
    for command in (asked, tested):
        command.add_argument("--since", metavar="COMMIT", help="of the last release")
    for command in (asked, tested, _verify_words(commands), _rollback_words(commands)):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _verify_words(commands: Commands) -> argparse.ArgumentParser:
    seen = commands.add_parser("verify", help="whether what runs is what was wished for")
    seen.add_argument("url", metavar="URL", help="of the site")
    seen.add_argument("--expect", default="", metavar="RELEASE", help="what every process must run")
    seen.add_argument("--kubeconfig", type=Path, metavar="FILE", help="ask this cluster's pods")
    seen.add_argument("--namespace", default="frontrow")
    seen.add_argument(
        "--prometheus", metavar="URL", help=f"default: the cluster's, or {PROMETHEUS}"
    )
    seen.add_argument(
        "--wait", type=float, default=0, metavar="SECONDS", help="look again for so long"
    )
    seen.set_defaults(run=verify)
    return seen


def _rollback_words(commands: Commands) -> argparse.ArgumentParser:
    back = commands.add_parser("rollback", help="bring all pods back to the last revision, at once")
    back.add_argument("--reason", required=True, help="for the audit entry of the freeze")
    back.add_argument("--to", type=int, metavar="REVISION", help="another than the last one")
    back.add_argument("--namespace", default="frontrow")
    back.add_argument("--kubeconfig", type=Path, default=KUBECONFIG)
    back.set_defaults(run=rollback)
    return back


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Do what the arguments say; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (NoTool, StackError) as problem:
        print(f"release: {problem}", file=sys.stderr)
        return UNKNOWN


if __name__ == "__main__":
    sys.exit(main())
