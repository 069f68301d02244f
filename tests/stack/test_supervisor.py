"""The supervisor, running for real over tiny services: its commands, its end and its death."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.process import start_time, wait_until
from stack.service import free_ports
from stack.settings import PORTS, SERVER_VARIABLES

PROGRAM = (sys.executable, "-m", "tests.stack.tiny_stack")
ROOT = Path(__file__).parents[2]


class Shell:
    """A person at a terminal, with a data folder and ports of his own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        names = [port.variable for port in PORTS]
        chosen = dict(zip(names, map(str, free_ports(len(names))), strict=True))
        outside = {n: v for n, v in os.environ.items() if n not in SERVER_VARIABLES}
        self.environment = {**outside, **chosen, "FRONTROW_DATA": str(data)}
        self.background: list[subprocess.Popen[str]] = []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def up(self, *arguments: str) -> subprocess.Popen[str]:
        output = (self.data.parent / "output").open("w")
        supervisor = subprocess.Popen(
            [*PROGRAM, "up", *arguments],
            env=self.environment,
            cwd=ROOT,
            stdout=output,
            stderr=output,
            text=True,
        )
        output.close()
        self.background.append(supervisor)
        assert wait_until(lambda: "Redis broker" in self.output(), 20), self.output()
        return supervisor

    def output(self) -> str:
        return (self.data.parent / "output").read_text()

    def status(self) -> dict:
        return json.loads(self.run("status", "--json").stdout)

    def processes(self) -> dict[str, dict]:
        found = [process for part in self.status()["parts"] for process in part["processes"]]
        return {process["name"]: process for process in found}

    def pids(self) -> dict[str, int]:
        return {name: process["pid"] for name, process in self.processes().items()}


@pytest.fixture
def shell(tmp_path) -> Iterator[Shell]:
    person = Shell(tmp_path / "data")
    yield person
    person.run("down")
    for supervisor in person.background:
        supervisor.kill()
        supervisor.wait()


def test_it_shows_a_table_and_the_state_of_every_part(shell):
    shell.up()
    assert "admin@example.com / " in shell.output()
    said = shell.run("status").stdout
    assert "kafka    " in said
    assert "external" in said
    status = shell.status()
    assert status["complete"]
    assert status["memory"] > 0
    assert {name: process["state"] for name, process in shell.processes().items()} == {
        "primary": "running",
        "api": "running",
        "gateway": "running",
    }


def test_it_greets_with_a_line_a_step_and_the_table_last(shell):
    shell.up()
    lines = shell.output().strip().splitlines()
    steps = [line.split()[1] for line in lines if " is ready (" in line]
    assert steps == ["primary", "api", "gateway"]
    table = next(number for number, line in enumerate(lines) if line.startswith("What "))
    assert all(line.startswith("stack: ") for line in lines[:table] if line)
    assert not any(line.startswith("stack: ") for line in lines[table:])


@pytest.mark.parametrize(("arguments", "usual"), [((), False), (("--logs",), True)])
def test_after_the_table_come_warnings_and_other_lines_where_they_are_wanted(
    shell, arguments, usual
):
    shell.up(*arguments)
    os.kill(shell.pids()["api"], signal.SIGUSR1)
    assert wait_until(lambda: '"message": "look here"' in shell.output(), 10)
    assert ("as usual" in shell.output()) is usual


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_of_it_backwards(shell, number):
    supervisor = shell.up()
    pids = shell.pids()
    supervisor.send_signal(number)
    assert supervisor.wait(15) == 0
    assert [start_time(pid) for pid in pids.values()] == [None] * 3
    stopped = {
        name: int(json.loads((shell.data / "logs" / f"{name}.log").read_text())["message"])
        for name in ("gateway", "api", "primary")
    }
    assert sorted(stopped, key=stopped.__getitem__) == ["gateway", "api", "primary"]
    assert shell.run("status").returncode == 3


def test_down_stops_it(shell):
    supervisor = shell.up()
    assert shell.run("down").returncode == 0
    assert supervisor.wait(1) == 0


def test_its_death_leaves_nothing_running_and_the_next_one_starts(shell):
    supervisor = shell.up()
    pids = shell.pids()
    supervisor.kill()
    supervisor.wait()
    assert wait_until(lambda: not any(start_time(pid) for pid in pids.values()), 10)
    assert shell.run("status").stdout == "stack: not running\n"
    shell.up()


def test_it_stops_when_the_process_ends_that_wanted_it_only_so_long(shell, tmp_path):
    program = [*PROGRAM, "up", "--while-parent-runs"]
    code = f"import os, subprocess; subprocess.run([*{program!r}, str(os.getpid())])"
    with (tmp_path / "output").open("w") as output:
        parent = subprocess.Popen(
            [sys.executable, "-c", code], env=shell.environment, cwd=ROOT, stdout=output
        )
    shell.background.append(parent)
    assert wait_until(lambda: "Redis broker" in shell.output(), 20), shell.output()
    pids = shell.pids()
    parent.kill()
    assert wait_until(lambda: not any(start_time(pid) for pid in pids.values()), 15)
    assert wait_until(lambda: shell.run("status").returncode == 3, 15)


def test_a_second_one_is_refused(shell):
    shell.up()
    second = shell.run("up")
    assert second.returncode == 1
    assert second.stderr == "stack: this stack is already running: python -m stack status | down\n"


def test_one_that_dies_comes_back(shell):
    shell.up()
    before = shell.pids()["api"]
    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: shell.pids()["api"] not in {before, None}, 10)
    assert wait_until(lambda: shell.processes()["api"]["state"] == "running", 10)
    assert shell.processes()["api"]["restarts"] == 1


@pytest.mark.parametrize(("verb", "state"), [("stop", "stopped"), ("kill", "killed")])
def test_a_part_ended_by_a_person_stays_ended_until_started(shell, verb, state):
    shell.up()
    pid = shell.pids()["api"]
    assert shell.run(verb, "api").returncode == 0
    assert start_time(pid) is None
    assert shell.processes()["api"]["state"] == state
    assert shell.run("start", "api").returncode == 0
    api = shell.processes()["api"]
    assert (api["state"], api["restarts"]) == ("running", 0)


def test_a_part_is_frozen_and_goes_on(shell):
    shell.up()
    pid = shell.pids()["api"]
    assert shell.run("pause", "api").returncode == 0
    assert _frozen(pid)
    assert shell.processes()["api"]["state"] == "paused"
    assert shell.run("resume", "api").returncode == 0
    assert not _frozen(pid)


def test_a_part_that_runs_elsewhere_is_none_of_ours(shell):
    shell.up()
    refused = shell.run("stop", "kafka")
    assert (refused.returncode, refused.stderr) == (
        1,
        "stack: kafka does not run here: external\n",
    )


def test_detached_it_goes_on_by_itself_and_says_how_to_stop_it(shell):
    started = shell.run("up", "--detach")
    assert started.returncode == 0
    assert "Everything is up" in started.stdout
    assert "python -m stack down stops it" in started.stdout
    assert "Ctrl-C" not in started.stdout
    assert shell.status()["complete"]
    assert shell.run("up", "--detach").stdout == "stack: already running\n"


def test_the_environment_of_the_running_one_is_printed_for_any_shell(shell, monkeypatch):
    shell.up()
    port = shell.environment.pop("FRONTROW_PORT")
    assert f"export FRONTROW_URL=http://127.0.0.1:{port}\n" in shell.run("env").stdout


def test_reset_stops_it_and_removes_its_data(shell):
    supervisor = shell.up()
    (shell.data / "downloads" / "kept").touch()
    assert shell.run("reset").returncode == 0
    assert supervisor.wait(1) == 0
    assert [path.name for path in shell.data.iterdir()] == ["downloads"]
    assert shell.run("reset", "--all").returncode == 0
    assert not shell.data.exists()


def _frozen(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
