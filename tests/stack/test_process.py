"""Children are found by pid and start time, hear of their parent's end, and end wholly."""

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.process import MARKER, Child, Command, Tools, start_time, wait_until
from stack.process_registry import (
    ProcessRegistry,
    holder,
    locked,
    read_json,
    record_holder,
    write_json,
)

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.fixture
def spawn(tmp_path):
    children = []

    def start(*argv: str, **env: str) -> Child:
        command = Command(argv or SLEEP, {"PATH": "/usr/bin:/bin", **env}, tmp_path)
        children.append(Child.spawn(command, tmp_path / "log"))
        return children[-1]

    yield start
    for child in children:
        child.kill()


def test_a_start_time_tells_a_process_from_a_later_one_of_its_pid(spawn):
    child = spawn()
    assert start_time(child.pid) == child.started
    assert Child(child.pid, child.started).alive()
    assert not Child(child.pid, "another boot:1").alive()
    child.kill()
    assert start_time(child.pid) is None


def test_a_child_leads_a_session_of_its_own(spawn):
    child = spawn()
    assert os.getsid(child.pid) == child.pid != os.getsid(0)


def test_a_disowned_child_goes_on_and_nothing_warns_of_it(spawn):
    child = spawn()
    child.disown()
    gc.collect()  # would end here with the warning of a process still running
    assert child.alive()
    assert not child.born_here


def test_a_child_may_open_as_many_files_as_the_machine_allows(spawn, tmp_path):
    child = spawn(
        sys.executable, "-c", "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    assert wait_until(lambda: child.exit_code() is not None, 10)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert (tmp_path / "log").read_text().strip() == str((hard, hard))


def test_a_program_that_is_not_there_is_said_in_one_line(spawn, tmp_path):
    child = spawn("no-such-program")
    assert wait_until(lambda: child.exit_code() is not None, 10)
    assert child.exit_code() == 1
    assert (tmp_path / "log").read_text() == "no-such-program: No such file or directory\n"


def test_children_end_when_their_supervisor_is_killed(tmp_path):
    code = f"""
import sys, time
from pathlib import Path
from stack.process import Child, Command
child = Child.spawn(Command({SLEEP!r}, {{}}, Path("/")), Path({str(tmp_path / "log")!r}))
Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        assert wait_until(
            lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 10
        )
        pid = int((tmp_path / "pid").read_text())
        # The request to hear of the parent's end is made just before the program takes over.
        assert wait_until(
            lambda: b"time.sleep(600)" in Path(f"/proc/{pid}/cmdline").read_bytes(), 10
        )
        assert wait_until(lambda: b"launch.py" not in Path(f"/proc/{pid}/cmdline").read_bytes(), 10)
    finally:
        parent.kill()
        parent.wait()
    assert wait_until(lambda: start_time(pid) is None, 10)


@pytest.mark.parametrize("niceness", [0, 10])
def test_a_child_stands_back_as_far_as_its_command_says(tmp_path, niceness):
    command = Command(SLEEP, {"PATH": "/usr/bin:/bin"}, tmp_path, niceness=niceness)
    child = Child.spawn(command, tmp_path / "log")
    own = os.getpriority(os.PRIO_PROCESS, 0)
    autogroup, said = Path(f"/proc/{child.pid}/autogroup"), Path(f"/proc/{child.pid}/cmdline")

    def is_the_program() -> bool:
        words = said.read_bytes()  # before it is launched, they are this process's own
        return b"time.sleep(600)" in words and b"launch.py" not in words

    try:
        assert wait_until(is_the_program, 10)
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == min(own + niceness, 19)
        if autogroup.exists() and niceness:  # a kernel that groups processes by session
            assert autogroup.read_text().split()[-1] == str(niceness)
    finally:
        child.kill()


def test_a_tool_that_fails_says_why(tmp_path):
    code = "import sys; print('working'); sys.exit('the database is on fire')"
    with pytest.raises(StackError, match=r"failed \(1\): the database is on fire"):
        Tools().run(Command((sys.executable, "-c", code), {}, tmp_path))


def test_a_tool_that_takes_too_long_is_ended(tmp_path):
    before = time.monotonic()
    with pytest.raises(StackError, match="took over 0 s"):
        Tools().run(Command(SLEEP, {}, tmp_path), timeout=0.3)
    assert time.monotonic() - before < 5


def test_closed_tools_start_nothing(tmp_path):
    tools = Tools()
    tools.close()
    with pytest.raises(StackError, match="stopping"):
        tools.run(Command(SLEEP, {}, tmp_path))


def test_what_a_killed_supervisor_left_is_ended_by_its_record(spawn, tmp_path):
    child = spawn()
    record = ProcessRegistry(tmp_path / "processes.json")
    record.keep({"api": child})
    assert ProcessRegistry(record.path).clear("marker of nobody") == ["api"]
    assert start_time(child.pid) is None
    assert not record.path.exists()


def test_a_recorded_pid_that_is_another_process_now_is_left_alone(spawn, tmp_path):
    child = spawn()
    record = ProcessRegistry(tmp_path / "processes.json")
    write_json(record.path, {"api": [child.pid, "another boot:1"]})
    assert record.clear("marker of nobody") == []
    assert child.alive()


def test_what_stands_in_no_record_is_ended_by_its_marker(spawn, tmp_path):
    marker = f"test-{os.getpid()}-{time.monotonic_ns()}"
    ours, other = spawn(**{MARKER: marker}), spawn(**{MARKER: "someone else's"})
    assert wait_until(
        lambda: b"launch.py" not in Path(f"/proc/{ours.pid}/cmdline").read_bytes(), 10
    )
    assert ProcessRegistry(tmp_path / "processes.json").clear(marker) == [f"process {ours.pid}"]
    assert not ours.alive()
    assert other.alive()


def test_a_frozen_leftover_is_ended_too(spawn, tmp_path):
    child = spawn()
    child.signal(signal.SIGSTOP)
    ProcessRegistry(tmp_path / "processes.json").keep({"api": child})
    ProcessRegistry(tmp_path / "processes.json").clear("marker of nobody")
    assert not child.alive()


def test_a_supervisor_is_known_by_pid_and_start_time(tmp_path):
    note = tmp_path / "supervisor.json"
    assert holder(note) is None
    record_holder(note)
    assert holder(note) == os.getpid()
    write_json(note, {**json.loads(note.read_text()), "started": "another boot:1"})
    assert holder(note) is None


def test_a_lock_has_one_holder(tmp_path):
    with locked(tmp_path / "lock") as first, locked(tmp_path / "lock") as second:
        assert (first, second) == (True, False)
    with locked(tmp_path / "lock") as again:
        assert again


def test_half_a_record_is_none(tmp_path):
    (tmp_path / "half.json").write_text('{"api": [1, ')
    assert read_json(tmp_path / "half.json") == {}
    write_json(tmp_path / "whole.json", {"a": 1})
    assert (tmp_path / "whole.json").stat().st_mode & 0o777 == 0o600
