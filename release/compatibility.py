"""The last release's tests on this release's schema: Note [The last release on the new schema].

The servers are those of the last release's own test session; its databases are made beforehand, by
this release's migrations, and are found there (`--reuse-db`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from deploy.cluster.previous import git
from release.last_tests import arguments
from stack.data_dir import default_data
from stack.errors import StackError
from stack.settings import SERVER_VARIABLES

ROOT = Path(__file__).resolve().parent.parent
_DATABASES = {"DATABASE_URL": "default", "IDEMPOTENCY_DATABASE_URL": "idempotency"}
_MIGRATE_SECONDS, _SERVERS_SECONDS = 300, 300
# Run in the last release's tree: its servers are started and found by its own code.
_SERVERS = """
import json, sys
from pathlib import Path
from stack.testing import TestServers
verb, folder = sys.argv[1], Path(sys.argv[2])
if verb == "up":
    servers = TestServers(folder, keep=True)
    print(json.dumps(servers.up()))
    servers.down()
else:
    servers = TestServers(folder)
    servers.down()
    servers.erase()
"""
Identity = tuple[tuple[int, frozenset[tuple[str, str]]], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many tests ran, which failed by the schema, and what is said of new migrations.

    `failed_before` fail on the last release's own schema too.
    """

    since: str
    tier: str
    tests: int
    failed: tuple[str, ...]
    failed_before: tuple[str, ...]
    findings: tuple[str, ...]
    seconds: float


def say(words: str) -> None:
    """Say how far it is."""
    print(f"release: {words}", file=sys.stderr, flush=True)


def check(
    commit: str, *, tier: str, processes: int = 1, root: Path = ROOT, only: Sequence[str] = ()
) -> Outcome:
    """Run the tests of a commit's tier on the schema that the migrations below `root` make.

    `root` is a checkout whose history has the commit; `only` are tests instead of the tier's. What
    `release migrations` finds is asked on the same databases. Raises StackError where anything
    could not be run.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="frontrow-last-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # root's servers run as another user
        tree = unpacked(commit, folder / "tree", root)
        chosen = list(only) or arguments(tree, tier)
        with _servers(tree, folder / "data", processes) as sites:
            made = [made_by(root, one) for one in sites]
            findings = _findings(root, commit, made[0])
            before = [identity(one) for one in made]
            say("its tests, on that schema")
            run = partial(_pytest, tree, folder, chosen, processes)
            tests, failed = run("report.xml", "--reuse-db")
            if [identity(one) for one in made] != before:
                raise StackError("the last release's tests made a schema of their own")
            failed_before: frozenset[str] = frozenset()
            if failed:
                say(f"{len(failed)} of them failed: once more on a schema of its own")
                _, failed_before = run("again.xml", "--create-db", "--last-failed")
    return Outcome(
        since=commit,
        tier=tier,
        tests=tests,
        failed=tuple(sorted(failed - failed_before)),
        failed_before=tuple(sorted(failed & failed_before)),
        findings=findings,
        seconds=round(time.monotonic() - began, 1),
    )


def unpacked(commit: str, into: Path, root: Path = ROOT) -> Path:
    """Write a commit's files below `into` and return it. Raises StackError."""
    packed = git(root, "archive", commit)
    if packed is None:
        raise StackError(f"{commit} is not in the history: fetch it whole")
    into.mkdir()
    subprocess.run(["tar", "-x", "-C", str(into)], input=packed, check=True)
    # What its servers are made of has been fetched for this tree already.
    downloads = default_data() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    (into / ".data").mkdir()
    (into / ".data" / "downloads").symlink_to(downloads)
    say(f"the tree of {commit[:12]}")
    return into


def made_by(root: Path, environment: Mapping[str, str], prefix: str = "test_") -> dict[str, str]:
    """Make the databases of a test session by the migrations below `root`.

    `environment` leads to the servers, `prefix` stands before the names that it has. Returns the
    environment that leads to what was made. Raises StackError with the last lines of what refuses.
    """
    made = dict(environment)
    for variable, alias in _DATABASES.items():
        url = urlsplit(environment[variable])
        name = f"{prefix}{url.path[1:]}"
        try:
            with psycopg.connect(environment[variable], autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{name}"')
        except psycopg.Error as error:
            raise StackError(f"{name}: {error}") from error
        made[variable] = url._replace(path=f"/{name}").geturl()
        argv = [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"]
        _run(
            [*argv, "--database", alias, "--settings", "config.settings.test"],
            root,
            {**_inherited(), **made},
            _MIGRATE_SECONDS,
        )
        say(f"{name}, by this release's migrations")
    return made


def identity(environment: Mapping[str, str]) -> Identity:
    """Return of each database which one it is and the migrations that made it."""
    found = []
    for variable in _DATABASES:
        with psycopg.connect(environment[variable]) as connection:
            row = connection.execute(
                "SELECT oid FROM pg_database WHERE datname = current_database()"
            ).fetchone()
            assert row is not None
            applied = connection.execute("SELECT app, name FROM django_migrations").fetchall()
        found.append((int(row[0]), frozenset((str(app), str(name)) for app, name in applied)))
    return tuple(found)


def read(report: Path, code: int) -> tuple[int, frozenset[str]]:
    """Return how many tests a report of pytest has, and the names of those that failed.

    `code` is pytest's exit code. Raises StackError where no tests ran, or not to their end.
    """
    if code not in (0, 1) or not report.is_file():
        raise StackError(f"the last release's tests could not be run: pytest ended with {code}")
    cases = list(ET.parse(report).iter("testcase"))  # noqa: S314  (pytest wrote it)
    names = {f"{case.get('classname')}.{case.get('name')}" for case in cases}
    failed = frozenset(
        f"{case.get('classname')}.{case.get('name')}"
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    )
    if not cases or bool(failed) != bool(code):
        raise StackError(f"pytest ended with {code}, and says {len(failed)} of {len(cases)} failed")
    return len(names), failed


def _findings(root: Path, commit: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return what `release migrations` finds, a line each."""
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings.test"}
    argv = [sys.executable, "-m", "release", "migrations", "--since", commit, "--json"]
    every = {**_inherited(), **environment, **settings}
    said = json.loads(_run(argv, root, every, _MIGRATE_SECONDS, codes=(0, 1)))
    return tuple(
        f"{one['migration']}: {one['code']} {one['table']}: {one['says']}"
        for one in said["findings"]
    )


@contextmanager
def _servers(tree: Path, data: Path, processes: int) -> Iterator[list[dict[str, str]]]:
    """Yield the environment of each test process's servers, which are where it looks for them."""
    workers = [f"-gw{number}" for number in range(processes)] if processes > 1 else [""]
    folders = [f"{data}{one}" for one in workers]
    try:
        sites = []
        for folder in folders:
            said = _run(_stack("up", folder), tree, _inherited(), _SERVERS_SECONDS)
            sites.append(json.loads(said.splitlines()[-1]))
        say(f"its servers, for {processes} test processes")
        yield sites
    finally:
        for folder in folders:
            if Path(folder).exists():
                _run(_stack("down", folder), tree, _inherited(), _SERVERS_SECONDS)


def _stack(verb: str, folder: str) -> list[str]:
    return [sys.executable, "-c", _SERVERS, verb, folder]


def _pytest(
    tree: Path, folder: Path, chosen: Sequence[str], processes: int, name: str, *how: str
) -> tuple[int, frozenset[str]]:
    """Run tests, their lines on stderr; return how many, and the names of those that failed."""
    report = folder / name
    argv = [
        *(sys.executable, "-m", "pytest", "-q", "--show-capture=no", f"--junitxml={report}", *how),
        *(("-n", str(processes)) if processes > 1 else ("-p", "no:xdist")),
        *chosen,
    ]
    environment = {**_inherited(), "FRONTROW_TEST_DATA": str(folder / "data")}
    done = subprocess.run(argv, cwd=tree, env=environment, stdout=sys.stderr, check=False)
    return read(report, done.returncode)


def _inherited() -> dict[str, str]:
    """Return this process's variables without those that lead to servers, settings or code."""
    ours = {*SERVER_VARIABLES, "PYTHONPATH", "SECRET_KEY", "SIGNING_KEYS_FILE", "STORAGE_URL"}
    prefixes = ("PYTEST", "DJANGO_", "FRONTROW_", "ACCEPTANCE_")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith(prefixes)
    }


def _run(
    argv: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    seconds: float,
    codes: Sequence[int] = (0,),
) -> str:
    """Return what a program prints. Raises StackError: another exit code, or not in time."""
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            env=dict(environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"{' '.join(argv[1:4])}: took over {seconds:.0f} s") from None
    if done.returncode not in codes:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise StackError(f"{' '.join(argv[1:4])}: {last}")
    return done.stdout
