"""Which image runs in which environment: `python -m deploy.releases show|set|prove|promote|back`.

`gitops/apps/frontrow/ENVIRONMENT` says it, and Argo CD makes it so. `set` writes what the pipeline
has built into staging, `prove` that it passed there, `promote` gives production what staging has
proved, image and chart alike, and `back` what production had before. Nothing else moves a digest.
"""

import argparse
import json
import re
import subprocess
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


def prove(digest: str, apps: Path = APPS) -> None:
    """Write down that staging has passed with an image. Raises ReleaseRefused for another one."""
    if current("staging", apps).digest != digest:
        raise ReleaseRefused(f"staging runs another image than {digest}: nothing is proved")
    _proved_file(apps).write_text(f"{digest}\n")


def promote(apps: Path = APPS) -> bool:
    """Give production what staging has proved; say whether that is another.

    Raises ReleaseRefused where staging runs nothing, or has not passed with what it runs.
    """
    staged = current("staging", apps)
    if staged.digest == NOBODY:
        raise ReleaseRefused("staging runs nothing yet: nothing to promote")
    proved = _proved_file(apps).read_text().strip()
    if staged.digest != proved:
        raise ReleaseRefused(f"staging has not passed with {staged.digest}, but with {proved}")
    return put("production", staged, apps)


def before(environment: str, apps: Path = APPS) -> Release:
    """Return what an environment ran before, by Git. Raises ReleaseRefused for nothing."""
    now = current(environment, apps)
    file = _release_file(environment, apps)
    for commit in _git("log", "--format=%H", "--", file.name, cwd=file.parent).split():
        image = yaml.safe_load(_git("show", f"{commit}:./{file.name}", cwd=file.parent))
        chart = _CHART.search(_git("show", f"{commit}:./application.yaml", cwd=file.parent))
        found = image["image"]
        if chart and found["digest"] not in {now.digest, NOBODY}:
            return Release(found["digest"], str(found["release"]), chart["tag"])
    raise ReleaseRefused(f"{environment} never ran another image: nothing to go back to")


def back(environment: str, apps: Path = APPS) -> bool:
    """Give an environment what it ran before. Raises ReleaseRefused where there is nothing."""
    return put(environment, before(environment, apps), apps)


def _git(*words: str, cwd: Path) -> str:
    done = subprocess.run(["git", *words], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ReleaseRefused(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout


def _proved_file(apps: Path) -> Path:
    return apps / "staging" / "proved"


def _release_file(environment: str, apps: Path) -> Path:
    return apps / environment / "release.yaml"


def _application(environment: str, apps: Path) -> Path:
    return apps / environment / "application.yaml"


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.releases", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    show = commands.add_parser("show", help="what an environment runs")
    show.add_argument("environment", choices=ENVIRONMENTS)
    show.add_argument("--before", action="store_true", help="what it ran before")
    show.add_argument("--json", action="store_true", dest="as_json")
    to_staging = commands.add_parser("set", help="let staging run an image that was built")
    to_staging.add_argument("environment", choices=["staging"])
    to_staging.add_argument("--digest", required=True, help="sha256:...")
    to_staging.add_argument("--release", required=True, help="its name, such as 1.4.0")
    to_staging.add_argument("--chart", help="tag of the chart; the one in force by default")
    proof = commands.add_parser("prove", help="say that staging has passed with an image")
    proof.add_argument("--digest", required=True, help="sha256:...")
    commands.add_parser("promote", help="let production run what staging has passed with")
    to_before = commands.add_parser("back", help="let an environment run what it ran before")
    to_before.add_argument("environment", choices=ENVIRONMENTS)
    return parser


def _carried_out(words: argparse.Namespace) -> str:
    """Do what the words say, and return it as a line."""
    changed, where = True, "staging"
    if words.command == "promote":
        changed, where = promote(), "production"
    elif words.command == "back":
        changed, where = back(words.environment), words.environment
    elif words.command == "prove":
        prove(words.digest)
    else:
        chart = words.chart or current("staging").chart
        changed = put("staging", Release(words.digest, words.release, chart))
    done = current(where)
    return f"{where}: {done.release} {done.digest}{'' if changed else ' (nothing to do)'}"


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> int:
    """Do what the arguments say; 0: done or nothing to do, 1: refused."""
    words = _arguments().parse_args(arguments)
    try:
        if words.command == "show":
            shown = before if words.before else current
            release = asdict(shown(words.environment))
            lines = "\n".join(f"{name}: {value}" for name, value in release.items())
            print(json.dumps(release) if words.as_json else lines)
        else:
            print(_carried_out(words))
    except (ReleaseRefused, OSError) as problem:
        print(f"releases: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
