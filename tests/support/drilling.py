"""A drill as a shell would run it, on a stack of its own, and what it leaves behind."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from proof.rush.rehearsal import PREFIX

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600  # the start of a stack with spare parts is most of it


@pytest.fixture
def own_tmp():
    """A folder for temporary files that is nobody else's, with a short path for sockets."""
    with tempfile.TemporaryDirectory(prefix="frt-drill-") as folder:
        Path(folder).chmod(0o755)  # root's servers run as another user
        yield Path(folder)


def drilled(own_tmp: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m drills` as a shell would, with few flows: the tests share the machine."""
    return subprocess.run(
        [sys.executable, "-m", "drills", "--json", "--rate", "10", *words],
        cwd=ROOT, env={**os.environ, "TMPDIR": str(own_tmp)}, capture_output=True, text=True,
        check=False, timeout=SECONDS,
    )  # fmt: skip


def left_over(own_tmp: Path) -> list[str]:
    """Return the processes that still work for a stack of this folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = [*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()]
        if f"{own_tmp}/{PREFIX}" in "\0".join(words):
            found.append(" ".join(process.info["cmdline"] or ()))
    return found
