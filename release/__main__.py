"""`python -m release`: ask about a release before it goes out, and take one back.

    python -m release migrations [--since COMMIT] [--json]
    python -m release rollback --reason WHY [--to REVISION] [--json]

Exit code 0: nothing is wrong; 1: something is; 2: it could not be asked or begun. `migrations`
needs the settings and the database that `manage.py` needs; `rollback` a kubeconfig and helm.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from deploy.cluster import previous
from deploy.cluster.helm import Helm
from deploy.cluster.kubectl import Kubectl, Refused
from deploy.tools.build import NoTool
from release.rollback import go_back, last_revision
from stack.errors import StackError

WRONG, UNKNOWN = 1, 2


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
    parser = argparse.ArgumentParser(
        prog="python -m release", description=(__doc__ or "").splitlines()[0]
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    asked = commands.add_parser("migrations", help="what new migrations would lock or take")
    asked.add_argument("--since", metavar="COMMIT", help="of the last release (release/previous)")
    asked.set_defaults(run=migrations)
    back = commands.add_parser("rollback", help="bring all pods back to the last revision, at once")
    back.add_argument("--reason", required=True, help="for the audit entry of the freeze")
    back.add_argument("--to", type=int, metavar="REVISION", help="another than the last one")
    back.add_argument("--namespace", default="frontrow")
    back.add_argument("--kubeconfig", type=Path, default=Path("~/.kube/config").expanduser())
    back.set_defaults(run=rollback)
    for command in (asked, back):
        command.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


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
