"""One worker: a copy of the tree, servers of its own, one mutant after the other."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from tests.mutants.mutation import Mutant
from tests.mutants.survey import Survey

# Loading every installed plugin takes longer than most mutants' tests.
_PLUGINS = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_PLUGINS": "pytest_django.plugin,pytest_timeout,tests.mutants.plugin",
}


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNTESTED = "untested"  # no test runs the line
    INVALID = "invalid"  # nothing could even be collected: no test's merit


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one mutant; `by` is the test that noticed, or "time-out"."""

    id: str
    verdict: Verdict
    by: str = ""
    tests: int = 0
    left_out: int = 0
    seconds: float = 0.0

    def as_json(self) -> str:
        """Return the line of the results file."""
        return json.dumps(asdict(self))


class Worker:
    """Tries mutants in a copy of the surveyed tree; `folder` holds it and the servers' data."""

    def __init__(self, *, folder: Path, surveyed: Path, survey: Survey, budget: float) -> None:
        self._folder, self._surveyed, self._survey, self._budget = folder, surveyed, survey, budget
        self._tree = folder / "tree"
        self._killers: list[str] = []

    def prepare(self) -> None:
        """Copy the surveyed tree, in place of an earlier one."""
        shutil.rmtree(self._tree, ignore_errors=True)
        shutil.copytree(self._surveyed, self._tree, ignore=shutil.ignore_patterns("__pycache__"))

    def try_mutant(self, mutant: Mutant) -> Result:
        """Apply the mutant to the copy, run the tests that could notice, take it back."""
        began = time.monotonic()
        tests = self._survey.tests_of(mutant)
        if not tests:
            return Result(mutant.id, Verdict.UNTESTED)
        # Tests that name a constraint notice its loss; those that noticed others rarely do.
        killers = [] if mutant.edit is None else self._killers
        chosen = self._choose(tests, killers)
        if mutant.edit is None:
            verdict, by = self._run(mutant, chosen)
        else:
            path = self._tree / mutant.path
            source = path.read_bytes()
            edit = mutant.edit
            try:
                _write(path, source[: edit.start] + edit.replacement + source[edit.end :])
                verdict, by = self._run(mutant, chosen)
            finally:
                _write(path, source)
        if verdict is Verdict.KILLED and "::" in by:
            self._killers = [by, *(test for test in self._killers if test != by)][:50]
        seconds = round(time.monotonic() - began, 1)
        return Result(mutant.id, verdict, by, len(chosen), len(tests) - len(chosen), seconds)

    def _choose(self, tests: list[str], killers: list[str]) -> list[str]:
        """Put those of `killers` first, then fill the budget of seconds."""
        known = [test for test in killers if test in tests][:10]
        chosen, spent = [], 0.0
        for test in dict.fromkeys([*known, *tests]):
            spent += self._survey.times[test]
            if chosen and spent > self._budget:
                break
            chosen.append(test)
        return chosen

    def _run(self, mutant: Mutant, tests: list[str]) -> tuple[Verdict, str]:
        result, job = self._folder / "result.json", self._folder / "job.json"
        result.unlink(missing_ok=True)
        drop = None
        if mutant.edit is None:
            drop = {"database": mutant.database, "table": mutant.path, "name": mutant.original}
        note = str(self._folder / "left-out.json")
        job.write_text(
            json.dumps({"tests": tests, "drop": drop, "result": str(result), "note": note})
        )
        files = sorted({test.split("::")[0] for test in tests})
        options = ["-x", "-q", "--reuse-db", "-p", "no:cacheprovider"]
        code = run_pytest(
            [*options, *files],
            tree=self._tree,
            environment={
                "MUTANTS_JOB": str(job),
                "FRONTROW_TEST_DATA": str(self._folder / "servers"),
            },
            log=self._folder / "pytest.log",
            seconds=60 + 4 * sum(self._survey.times[test] for test in tests),
        )
        if code is None:
            return Verdict.KILLED, "time-out"
        if result.exists():
            return Verdict.KILLED, json.loads(result.read_text())["test"]
        return (Verdict.SURVIVED if code == 0 else Verdict.INVALID), ""


def run_pytest(
    arguments: list[str], *, tree: Path, environment: dict[str, str], log: Path, seconds: float
) -> int | None:
    """Run pytest in `tree`; return its exit code, None if it was stopped after `seconds`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=tree,
            env={**os.environ, **_PLUGINS, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def copy_tree(root: Path, to: Path) -> None:
    """Copy what git knows and doesn't ignore, as it is now, in place of what was there."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout.split(b"\0")
    shutil.rmtree(to, ignore_errors=True)
    for name in (name.decode() for name in names if name):
        if (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, to / name)


def _write(path: Path, content: bytes) -> None:
    """Write a source; compiled forms are judged by second and size, so they go."""
    path.write_bytes(content)
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
        compiled.unlink()
