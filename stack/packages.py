"""Python packages in a folder of their own, from a hashed list: not for every process."""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from stack.process import Command, Tools

INSTALL_SECONDS = 300


def installed(requirements: Path, parent: Path, tools: Tools) -> Path:
    """Return the folder below `parent` with the packages of a list, installed at first use.

    Another list gets another folder. Raises StackError where they can't be had.
    """
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = parent / f"{requirements.stem}-{digest}"
    if folder.is_dir():
        return folder
    unfinished = folder.with_suffix(f".{os.getpid()}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    options = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-deps")
    install = Command(
        (
            *(sys.executable, "-m", "pip", "install", *options, "--require-hashes"),
            *("--target", str(unfinished), "-r", str(requirements)),
        ),
        environment=os.environ,
        directory=parent,
    )
    try:
        tools.run(install, timeout=INSTALL_SECONDS)
        for path in (unfinished, *unfinished.rglob("*")):  # pip's umask was ours
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        if not folder.is_dir():
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder
