"""Which image runs in which environment: `python -m deploy.releases show|set|promote`.

`gitops/apps/frontrow/ENVIRONMENT` says it, and Argo CD makes it so. A release is a pull request that
moves these lines: `set` writes what the pipeline has built into staging, `promote` gives production
what staging has, image and chart alike. Nothing else moves a digest.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from deploy.tools.build import ROOT

APPS = ROOT / "gitops" / "apps" / "frontrow"
ENVIRONMENTS = ("staging", "production")
NOBODY = "sha256:" + "0" * 64
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_CHART = re.compile(r"(?m)^(?P<before> *targetRevision: )(?P<tag>chart-\S+)$")
_TEXT = """\
# Written by `python -m deploy.releases`; a pull request that moves these lines is a release.
image:
  digest: {digest}
  release: {release}
"""


class ReleaseRefused(Exception):
    """What is asked for is no release; the message is for people."""


@dataclass(frozen=True)
class Release:
    """What runs: the image's bytes, the name of what they are, and the tag of the chart."""

    digest: str
    release: str
    chart: str


def current(environment: str, apps: Path = APPS) -> Release:
    """Return what an environment runs. Raises ReleaseRefused where its files say nothing clear."""
    image = yaml.safe_load(_release_file(environment, apps).read_text())["image"]
    [*charts] = _CHART.finditer(_application(environment, apps).read_text())
    if len(charts) != 1:
        raise ReleaseRefused(f"{environment}: its application names {len(charts)} charts, not one")
    return Release(image["digest"], str(image["release"]), charts[0]["tag"])


def put(environment: str, release: Release, apps: Path = APPS) -> bool:
    """Write what an environment runs; say whether that is another. Raises ReleaseRefused."""
    if not _DIGEST.fullmatch(release.digest) or release.digest == NOBODY:
        raise ReleaseRefused(f"{release.digest!r} is no digest of an image: sha256: and 64 digits")
    if not _RELEASE.fullmatch(release.release):
        raise ReleaseRefused(f"{release.release!r} is no name of a release")
    if current(environment, apps) == release:
        return False
    text = _TEXT.format(digest=release.digest, release=json.dumps(release.release))
    _release_file(environment, apps).write_text(text)
    application = _application(environment, apps)
    chart = _CHART.sub(rf"\g<before>{release.chart}", application.read_text())
    application.write_text(chart)
    return True


def promote(apps: Path = APPS) -> bool:
    """Give production what staging has; say whether that is another. Raises ReleaseRefused."""
    staged = current("staging", apps)
    if staged.digest == NOBODY:
        raise ReleaseRefused("staging runs nothing yet: nothing to promote")
    return put("production", staged, apps)


def _release_file(environment: str, apps: Path) -> Path:
    return apps / environment / "release.yaml"


def _application(environment: str, apps: Path) -> Path:
    return apps / environment / "application.yaml"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.releases", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="what an environment runs")
    show.add_argument("environment", choices=ENVIRONMENTS)
    show.add_argument("--json", action="store_true", dest="as_json")
    to_staging = commands.add_parser("set", help="let staging run an image that was built")
    to_staging.add_argument("environment", choices=["staging"])
    to_staging.add_argument("--digest", required=True, help="sha256:...")
    to_staging.add_argument("--release", required=True, help="its name, such as 1.4.0")
    to_staging.add_argument("--chart", help="tag of the chart; the one in force by default")
    commands.add_parser("promote", help="let production run what staging does")
    return parser


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Do what the arguments say; 0: done or nothing to do, 1: refused."""
    words = _arguments().parse_args(arguments)
    try:
        if words.command == "show":
            release = asdict(current(words.environment))
            lines = "\n".join(f"{name}: {value}" for name, value in release.items())
            print(json.dumps(release) if words.as_json else lines)
            return 0
        if words.command == "promote":
            changed, where = promote(), "production"
        else:
            chart = words.chart or current("staging").chart
            changed = put("staging", Release(words.digest, words.release, chart))
            where = "staging"
    except ReleaseRefused as problem:
        print(f"releases: {problem}", file=sys.stderr)
        return 1
    done = current(where)
    print(f"{where}: {done.release} {done.digest}{'' if changed else ' (nothing to do)'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
