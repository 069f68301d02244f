"""Scripts of deploy/ci, run as the pipeline runs them, with stand-ins for the programs of others.

A stand-in writes each call into a file and says what the test wants it to say.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTS = ROOT / "deploy" / "ci"
_STAND_IN = """#!{python}
import json, os, sys, pathlib
home = pathlib.Path(__file__).parent
answers = json.loads((home / "answers.json").read_text())
name = pathlib.Path(__file__).name
words = [name, *sys.argv[1:]]
with (home / "calls").open("a") as calls:
    calls.write(json.dumps(words) + "\\n")
line = " ".join(words)
for answer in answers:
    if answer["call"] in line:
        if answer.get("once") and answer.get("used"):
            continue
        if answer.get("once"):
            answer["used"] = True
            (home / "answers.json").write_text(json.dumps(answers))
        for path, text in answer.get("writes", {{}}).items():
            place = words[words.index(path) + 1] if path in words else path
            pathlib.Path(place).write_text(text)
        sys.stdout.write(answer.get("says", ""))
        sys.exit(answer.get("code", 0))
"""


class Programs:
    """Stand-ins on the PATH: what they were called with, and what they say."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        folder.mkdir()
        for name in names:
            path = folder / name
            path.write_text(_STAND_IN.format(python=sys.executable))
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        self.say()

    def say(self, *answers: dict) -> None:
        """Set what a call says: the first answer whose `call` stands in its line."""
        (self.folder / "answers.json").write_text(json.dumps(answers))

    @property
    def calls(self) -> list[str]:
        """Every call so far, as a line."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [" ".join(json.loads(line)) for line in lines]


def run(programs: Programs, script: str, *words: str, root: Path = ROOT, **variables: str):
    """Run a script and return how it ended, with its output."""
    environment = {
        "PATH": f"{programs.folder}:{os.environ['PATH']}",
        "HOME": str(programs.folder),
        "PYTHON": sys.executable,
        "AWS_REGION": "ap-northeast-2",
        "GIT_CONFIG_NOSYSTEM": "1",
        **variables,
    }
    return subprocess.run(
        [str(root / "deploy" / "ci" / script), *words],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def repository(folder: Path) -> Path:
    """Make a small repository with deploy/ and gitops/ and an origin; return its work tree."""
    origin, work = folder / "origin.git", folder / "work"
    work.mkdir()
    for name in ("deploy", "gitops"):
        shutil.copytree(ROOT / name, work / name, ignore=shutil.ignore_patterns("__pycache__"))
    (work / ".gitignore").write_text("__pycache__/\n")
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(origin))
    git(work, "init", "--quiet", "--initial-branch=main")
    git(work, "remote", "add", "origin", str(origin))
    commit(work, "begin")
    git(work, "push", "--quiet", "origin", "main")
    return work


def commit(work: Path, message: str) -> None:
    """Commit everything."""
    git(work, "add", "--all")
    git(work, "commit", "--quiet", "--message", message)


def git(folder: Path, *words: str) -> str:
    """Run git and return what it prints."""
    name = ("-c", "user.name=test", "-c", "user.email=test@test.example")
    done = subprocess.run(
        ["git", *name, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout
