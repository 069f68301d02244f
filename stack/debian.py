"""Programs of Debian's packages, unpacked into the downloads: no root is needed."""

import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from stack.errors import StackError
from stack.process import Command, Tools

DOWNLOAD_SECONDS = 120


def program(
    package: str, path: str, downloads: Path, tools: Tools, *, folder: str, release: str = ""
) -> Path:
    """Return the program at `path` of Debian's `package`, unpacked into `folder` at first use.

    Raises StackError where it can't be had, doesn't run or isn't of the `release` (2.42) that it
    was tried with.
    """
    home = downloads / folder
    found = home / path
    if not found.exists():
        _unpack(package, home, tools)
    if not found.exists() or not runs(found, release):
        wanted = f" as release {release}" if release else ""
        raise StackError(f"Debian's package {package} doesn't run on this machine{wanted}")
    return found


def _unpack(package: str, home: Path, tools: Tools) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise StackError(f"{package} was not found, and this is no Debian to take it from")
    unfinished = home.with_suffix(f".{os.getpid()}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    (unfinished / "lists" / "partial").mkdir(parents=True)
    # Lists of our own where the machine has none: a person who isn't root can't fetch them there.
    ours = ("-o", f"Dir::State::lists={unfinished}/lists", "-o", f"Dir::Cache={unfinished}")
    try:
        try:
            _run(tools, unfinished, "apt-get", "-q", "download", package)
        except StackError:
            _run(tools, unfinished, "apt-get", "-q", *ours, "update")
            _run(tools, unfinished, "apt-get", "-q", *ours, "download", package)
        archive = next(unfinished.glob(f"{package}_*.deb"), None)
        if archive is None:
            raise StackError(f"apt-get brought no package {package}")
        _run(tools, unfinished, "dpkg", "-x", str(archive), str(unfinished / "root"))
        with suppress(OSError):  # another process was first
            (unfinished / "root").rename(home)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _run(tools: Tools, folder: Path, *argv: str) -> None:
    tools.run(Command(argv, environment=os.environ, directory=folder), timeout=DOWNLOAD_SECONDS)


def runs(found: Path, release: str = "") -> bool:
    """Tell whether the program runs, and says that it is of that release."""
    version = "-v" if found.name == "nginx" else "--version"
    try:
        done = subprocess.run(
            [found, version], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    said = done.stdout + done.stderr
    pinned = re.escape(release)
    return done.returncode == 0 and bool(re.search(rf"(?<![\d.]){pinned}(?!\d)", said))
