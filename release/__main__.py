"""`python -m release`: what a release has to be asked before it goes out.

    python -m release migrations [--since COMMIT] [--json]

Exit code 0: nothing is wrong; 1: something is; 2: it could not be asked. It needs the settings and
the database that `manage.py` needs.
"""

import argparse
import json
import sys
from dataclasses import asdict

import django

django.setup()

from release import migrations  # noqa: E402  (needs the set-up)
from release.migrations import NoLastRelease  # noqa: E402


def _migrations(options: argparse.Namespace) -> int:
    commit = options.since or migrations.previous()
    found = migrations.added_since(commit)
    if options.json:
        print(json.dumps({"since": commit, "findings": [asdict(one) for one in found]}))
    else:
        for one in found:
            print(f"{one.migration}: {one.code} {one.table}: {one.says}".replace(" :", ":"))
        print(f"release: {len(found)} findings since {commit}")
    return 1 if found else 0


def main() -> int:
    """Do what is asked; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    asked = commands.add_parser("migrations", help="what the new migrations would lock or take")
    asked.add_argument("--since", metavar="COMMIT", help="of the last release (release/previous)")
    asked.add_argument("--json", action="store_true", help="print one JSON object")
    asked.set_defaults(run=_migrations)
    options = parser.parse_args()
    try:
        return int(options.run(options))
    except NoLastRelease as problem:
        print(f"release: {problem}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
