"""The OpenTelemetry Collector, built once: `python -m stack.collector` prints where.

Its components, their Go modules and the checksums of these stand in observability/collector.
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from stack.data_dir import ROOT, DataDir, default_data
from stack.errors import StackError
from stack.process import Command, Tools

SOURCE = ROOT / "observability" / "collector"
BUILD_SECONDS = 3600  # of several hundred packages, at the lowest priority


def collector(downloads: Path, tools: Tools) -> Path:
    """Return the program, built at first use. Raises StackError where it can't be."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update((SOURCE / name).read_bytes())
    folder = downloads / f"otelcol-{digest.hexdigest()[:12]}"
    program = folder / "otelcol"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        raise StackError("Go was not found, and it builds the collector")
    unfinished = folder.with_suffix(f".{os.getpid()}.new")
    build = (go, "build", "-trimpath", "-mod=readonly", "-ldflags", "-s -w")
    command = Command(
        (*build, "-o", str(unfinished / "otelcol"), "."),
        environment=os.environ,
        directory=SOURCE,
        niceness=19,
    )
    try:
        tools.run(command, timeout=BUILD_SECONDS)
        if not folder.is_dir():
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return program


def main() -> int:
    try:
        print(collector(DataDir(default_data()).make().downloads, Tools()))
    except StackError as error:
        print(f"collector: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
