"""Check workflows and shell scripts: `.venv/bin/python -m deploy.workflows`.

actionlint (their form, types and expressions), zizmor (weaknesses, offline) and shellcheck, whose
versions are pinned in deploy/tools and requirements/delivery.txt.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.tools.build import ROOT, NoTool, tool
from deploy.tools.checkers import checker

WORKFLOWS = ROOT / ".github" / "workflows"
SCRIPTS = ROOT / "deploy" / "ci"


def actionlint(folder: Path = WORKFLOWS) -> str:
    """Return what actionlint finds; empty where that is nothing. Raises NoTool."""
    files = [str(path) for path in sorted(folder.glob("*.yml"))]
    configuration = str(ROOT / ".github" / "actionlint.yaml")
    words = ["-no-color", "-shellcheck", str(checker("shellcheck")), "-pyflakes="]
    return _run([str(tool("actionlint")), "-config-file", configuration, *words, *files])


def zizmor(folder: Path = WORKFLOWS) -> str:
    """Return what zizmor finds; empty where that is nothing. Raises NoTool."""
    files = [str(path) for path in sorted(folder.glob("*.yml"))]
    return _run([str(checker("zizmor")), "--offline", "--quiet", "--no-progress", *files])


def shellcheck(folder: Path = SCRIPTS) -> str:
    """Return what shellcheck finds; empty where that is nothing. Raises NoTool."""
    files = [str(path) for path in sorted(folder.glob("*.sh"))]
    return _run([str(checker("shellcheck")), "-x", "-P", str(folder), *files])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()


def main() -> int:
    """Print a line for each checker; 0: nothing found, 1: something, 2: one is missing."""
    failed = 0
    try:
        for name, check in (
            ("actionlint", actionlint),
            ("zizmor", zizmor),
            ("shellcheck", shellcheck),
        ):
            found = check()
            failed += bool(found)
            print(f"workflows: {name}: {'FAILED' if found else 'ok'}", flush=True)
            if found:
                print(found)
    except NoTool as problem:
        print(f"workflows: {problem}", file=sys.stderr)
        return 2
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
