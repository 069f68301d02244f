"""A drill from its beginning to its verdict, with its guard and without, on a stack of its own.

It needs no site of the other tests, and starts none of theirs.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from drills.catalogue import DRILLS
from proof.rush.rehearsal import PREFIX

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 600  # the start of a stack with spare parts is most of it
pytestmark = pytest.mark.timeout(SECONDS + 60)


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


def test_a_lock_node_is_lost_and_nothing_else_is(own_tmp):
    done = drilled(own_tmp, "lock-node")
    # A busy machine may miss a limit, or be too slow for the load; it may break no promise.
    assert done.returncode in {0, 2, 3}, done.stderr
    found = json.loads(done.stdout)
    assert (found["broken"], found["lost"], found["audit"]) == ([], 0, "clean")
    assert found["acknowledged"] > 100
    assert found["figures"]["sold seats without a claim"] == 0
    assert {limit.figure for limit in DRILLS["lock-node"].limits} <= found["figures"].keys()
    assert left_over(own_tmp) == []
    assert list(own_tmp.iterdir()) == []


@pytest.mark.parametrize("name", ["lock-node", "queue-node"])
def test_control_without_its_guard_a_drill_is_broken(own_tmp, name):
    done = drilled(own_tmp, name, "--control")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["broken"] != []
    assert left_over(own_tmp) == []


def test_what_is_no_drill_is_refused(own_tmp):
    for words in (["nothing"], ["lock-node", "--rate", "0"], ["switchover", "--control"]):
        done = drilled(own_tmp, *words)
        assert done.returncode == 4, done.stderr
        assert done.stdout == ""
        assert left_over(own_tmp) == []
