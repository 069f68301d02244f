"""The chart of the last release: `release/previous` names its commit, and the history has it."""

import subprocess
from pathlib import Path

from deploy.tools.build import ROOT
from stack.errors import StackError

FILE = "release/previous"
_CHART = "helm/frontrow"


def commit(root: Path = ROOT) -> str:
    """Return the commit of the last release.

    Raises StackError where the file is missing, or this history lacks the commit: what can't be
    compared has not been compared.
    """
    path = root / FILE
    if not path.is_file():
        raise StackError(f"{FILE} is missing: it names the commit of the last release")
    named = path.read_text().strip()
    if git(root, "merge-base", "--is-ancestor", f"{named}^{{commit}}", "HEAD") is None:
        raise StackError(f"{FILE} names {named or 'nothing'}, which is not in this history")
    return named


def chart(into: Path, root: Path = ROOT) -> Path:
    """Write the last release's chart below `into` and return where it is. Raises StackError."""
    named = commit(root)
    packed = git(root, "archive", named, _CHART)
    if packed is None:
        raise StackError(f"{FILE} names {named}, which has no {_CHART}")
    subprocess.run(["tar", "-x", "-C", str(into)], input=packed, check=True)
    return into / _CHART


def git(root: Path, *arguments: str) -> bytes | None:
    """Return what git prints in a checkout, None where it refuses."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None
