"""One service is kept in the state that is wanted of it."""

import signal
import sys
import threading
from pathlib import Path

import pytest

from stack.errors import StackError
from stack.process import start_time
from stack.states import State
from stack.unit import BACKOFF_FIRST, CHECK_EVERY, STEADY_AFTER
from tests.stack.support import Script

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def test_it_is_prepared_started_settled_and_runs(stage):
    service = Script("a")
    engine = stage(service)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    assert (service.prepared, service.settled, unit.was_ready) == ([0], 1, True)


def test_it_counts_as_running_only_once_it_is_ready(stage):
    service = Script("a")
    service.is_ready = False
    engine = stage(service)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.STARTING)
    for _ in range(20):
        engine.engine.tick(engine.clock.now())
    assert unit.state is State.STARTING
    service.is_ready = True
    engine.until(lambda: unit.state is State.RUNNING)


def test_one_that_dies_is_started_again_later_and_later(stage):
    service = Script("a")
    engine = stage(service)
    unit = engine.start("a")
    delays = []
    for _ in range(3):
        engine.until(lambda: unit.state is State.RUNNING)
        unit.child.signal(signal.SIGKILL)
        engine.until(lambda: unit.state is State.RESTARTING)
        delays.append(round(unit._next - unit.since, 2))
        engine.clock.ahead += 20
    assert delays == [BACKOFF_FIRST, 2 * BACKOFF_FIRST, 4 * BACKOFF_FIRST]
    assert unit.restarts == 3
    assert unit.last_error == "ended by signal 9"


def test_failures_are_forgotten_after_a_time_of_running(stage):
    engine = stage(Script("a"))
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    unit.child.signal(signal.SIGKILL)
    engine.until(lambda: unit.state is State.RESTARTING)
    engine.clock.ahead += 1
    engine.until(lambda: unit.state is State.RUNNING)
    assert unit.failures == 1
    engine.clock.ahead += STEADY_AFTER
    engine.until(lambda: unit.failures == 0)


def test_one_that_was_stopped_stays_stopped_until_started(stage):
    engine = stage(Script("a"))
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    pid = unit.child.pid
    unit.stop(engine.clock.now())
    engine.until(lambda: unit.state is State.STOPPED)
    engine.clock.ahead += 100
    for _ in range(10):
        engine.engine.tick(engine.clock.now())
    assert unit.state is State.STOPPED
    assert start_time(pid) is None
    engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)


def test_one_that_was_killed_stays_dead_until_started(stage):
    engine = stage(Script("a"))
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    unit.kill(engine.clock.now())
    engine.clock.ahead += 100
    engine.engine.tick(engine.clock.now())
    assert unit.state is State.KILLED
    engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)


def test_one_that_ignores_its_stop_is_killed_after_its_patience(stage):
    engine = stage(Script("a", STUBBORN))
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    pid = unit.child.pid
    engine.until(lambda: _ignores(pid, signal.SIGTERM))
    unit.stop(engine.clock.now(), 0.2)
    engine.until(lambda: unit.state is State.STOPPED, 3)
    assert start_time(pid) is None


@pytest.fixture
def draining(stage):
    """One of several behind a gateway, asked to stop, and the event that lets it go."""
    service = Script("a")
    service.may_stop = threading.Event()
    engine = stage(service)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    unit.stop(engine.clock.now())
    return engine, unit, service


def test_one_of_several_is_drained_before_it_is_asked_to_stop(draining):
    engine, unit, service = draining
    for _ in range(10):
        engine.engine.tick(engine.clock.now())
    assert unit.state is State.DRAINING
    assert unit.child.alive()
    service.may_stop.set()
    engine.until(lambda: unit.state is State.STOPPED)
    assert service.drained == 1


def test_one_that_drains_may_be_wanted_again(draining):
    engine, unit, service = draining
    engine.start("a")
    service.may_stop.set()
    engine.until(lambda: len(service.prepared) == 2)
    engine.until(lambda: unit.state is State.RUNNING)


def test_one_that_drains_may_be_killed(draining):
    engine, unit, service = draining
    unit.kill(engine.clock.now())
    assert unit.state is State.KILLED
    service.may_stop.set()


def test_one_that_cannot_be_drained_is_stopped_all_the_same(draining, monkeypatch):
    engine, unit, service = draining
    monkeypatch.setattr(service, "drain", lambda: 1 / 0)
    service.may_stop.set()
    engine.until(lambda: unit.state is State.STOPPED)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    unit.stop(engine.clock.now())
    engine.until(lambda: unit.state is State.STOPPED)
    assert unit.last_error == "ZeroDivisionError: division by zero"


def reloading(stage, reload):
    service = Script("a")
    service.reloads_to = reload
    engine = stage(service)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    pid = unit.child.pid
    unit.reload(engine.clock.now())
    assert unit.state is State.RELOADING
    engine.until(lambda: unit.state is State.RUNNING)
    assert unit.child.pid == pid
    return unit


def test_one_that_is_reloaded_goes_on_as_the_same_process(stage):
    reloaded = []
    unit = reloading(stage, lambda: reloaded.append(1))
    assert (reloaded, unit.last_error) == ([1], "")


def test_one_that_can_not_reload_goes_on_and_says_why(stage):
    assert reloading(stage, lambda: 1 / 0).last_error == "ZeroDivisionError: division by zero"


def test_what_has_nothing_to_reload_refuses(stage):
    engine = stage(Script("a"))
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    with pytest.raises(StackError, match="nothing to reload"):
        unit.reload(engine.clock.now())


def test_at_the_end_of_everything_nothing_is_drained(stage):
    service = Script("a")
    service.may_stop = threading.Event()
    engine = stage(service)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    unit.stop(engine.clock.now(), service.stop_seconds)
    engine.until(lambda: unit.state is State.STOPPED)
    assert service.drained == 0


def test_one_that_never_comes_up_is_given_up(stage):
    engine = stage(Script("a", "raise SystemExit(7)"), attempts=2)
    engine.unit("a").service.is_ready = False
    unit = engine.start("a")
    engine.until(lambda: unit.failures == 1)
    engine.clock.ahead += 1
    engine.until(lambda: unit.state is State.FAILED)
    assert unit.last_error == "ended with exit code 7"


def test_one_that_is_not_ready_in_time_is_ended_and_tried_again(stage):
    service = Script("a")
    service.is_ready = False
    engine = stage(service)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.STARTING)
    pid = unit.child.pid
    engine.clock.ahead += service.ready_seconds
    engine.until(lambda: unit.state is State.RESTARTING)
    assert unit.last_error == "not ready after 5 s"
    assert start_time(pid) is None


def test_what_preparing_said_is_kept_and_the_next_preparing_knows_of_it(stage):
    service = Script("a")
    service.prepare_error = StackError("the disk is full")
    engine = stage(service)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RESTARTING)
    assert unit.last_error == "the disk is full"
    service.prepare_error = None
    engine.clock.ahead += 1
    engine.until(lambda: unit.state is State.RUNNING)
    assert service.prepared == [0, 1]


def test_without_restarts_a_death_is_final(stage):
    engine = stage(Script("a"), restart=False)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    unit.child.signal(signal.SIGKILL)
    engine.until(lambda: unit.state is State.FAILED)


def test_a_sick_one_is_restarted(stage):
    service = Script("a")
    engine = stage(service)
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    service.sickness = "it is lost"
    engine.clock.ahead += CHECK_EVERY
    engine.until(lambda: unit.state is State.RESTARTING)
    assert unit.last_error == "it is lost"


def test_a_paused_one_is_frozen_and_goes_on(stage):
    engine = stage(Script("a"))
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    unit.pause()
    engine.until(lambda: _status(unit.child.pid) == "T")
    unit.resume()
    engine.until(lambda: _status(unit.child.pid) != "T")


def test_a_paused_one_can_be_stopped(stage):
    engine = stage(Script("a"))
    unit = engine.start("a")
    engine.until(lambda: unit.state is State.RUNNING)
    unit.pause()
    unit.stop(engine.clock.now())
    engine.until(lambda: unit.state is State.STOPPED, 1.5)


def test_a_stopped_one_cannot_be_paused(stage):
    with pytest.raises(StackError, match="nothing to pause"):
        stage(Script("a")).unit("a").pause()


def test_it_waits_for_those_it_needs(stage):
    first, second = Script("first"), Script("second", after=("first",))
    first.is_ready = False
    engine = stage(first, second)
    for name in ("second", "first"):
        engine.start(name, wait=True)
    engine.until(lambda: engine.unit("first").state is State.STARTING)
    assert engine.unit("second").state is State.WAITING
    first.is_ready = True
    engine.until(lambda: engine.unit("second").state is State.RUNNING)


def test_stopping_goes_backwards_through_what_needs_what(stage):
    engine = stage(Script("c", after=("b",)), Script("b", after=("a",)), Script("a"), Script("x"))
    levels = [sorted(unit.name for unit in level) for level in engine.engine.levels()]
    assert levels == [["a", "x"], ["b"], ["c"]]


def test_what_it_started_ends_with_it(stage, tmp_path):
    note = tmp_path / "grandchild"
    code = (
        "import subprocess, sys, time, pathlib;"
        f"p = subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(600)']);"
        f"pathlib.Path({str(note)!r}).write_text(str(p.pid)); time.sleep(600)"
    )
    engine = stage(Script("a", code))
    unit = engine.start("a")
    engine.until(lambda: note.exists() and note.read_text())
    grandchild = int(note.read_text())
    unit.child.signal(signal.SIGKILL)  # the parent alone, so that the grandchild is an orphan
    engine.until(lambda: unit.state is State.RESTARTING)
    engine.until(lambda: start_time(grandchild) is None)


def _status(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _ignores(pid: int, number: int) -> bool:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(line for line in lines if line.startswith("SigIgn:")).split()[1]
    return bool(int(mask, 16) >> (number - 1) & 1)
