"""The breaker stops asking a part that fails, and finds out by itself that it is back."""

import threading

import pytest

from kernel.redis import breaker as module
from kernel.redis.breaker import Breaker, DependencyUnavailable
from tests.support.steady_clock import SteadyClock


@pytest.fixture
def clock(monkeypatch):
    clock = SteadyClock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def breaker(clock):
    return Breaker("test", failures_on=(ConnectionError,), threshold=3, retry_seconds=1)


def fail():
    raise ConnectionError("gone")


def open_it(breaker):
    for _ in range(3):
        with pytest.raises(DependencyUnavailable):
            breaker.call(fail)


def test_a_working_part_is_just_called(breaker):
    assert breaker.call(lambda: 7) == 7
    assert not breaker.is_open


def test_it_opens_after_failures_in_a_row_and_then_asks_no_more(breaker):
    open_it(breaker)
    asked = []
    with pytest.raises(DependencyUnavailable):
        breaker.call(lambda: asked.append(1))
    assert breaker.is_open
    assert asked == []


def test_a_success_in_between_starts_the_count_again(breaker):
    for _ in range(5):
        with pytest.raises(DependencyUnavailable):
            breaker.call(fail)
        breaker.call(lambda: None)
    assert not breaker.is_open


def test_after_a_while_one_call_looks_whether_the_part_is_back(breaker, clock):
    open_it(breaker)
    clock.now += 1.1
    asked = []

    def looking():
        asked.append(1)
        with pytest.raises(DependencyUnavailable):  # the others still wait
            breaker.call(lambda: asked.append(2))
        return "back"

    assert breaker.call(looking) == "back"
    assert asked == [1]
    assert not breaker.is_open


def test_a_failed_look_keeps_it_open(breaker, clock):
    open_it(breaker)
    clock.now += 1.1
    with pytest.raises(DependencyUnavailable):
        breaker.call(fail)
    with pytest.raises(DependencyUnavailable):
        breaker.call(lambda: 1)
    assert breaker.is_open


def test_other_errors_pass_and_count_for_nothing(breaker):
    for _ in range(5):
        with pytest.raises(ValueError, match="own"):
            breaker.call(lambda: (_ for _ in ()).throw(ValueError("own")))
    assert not breaker.is_open


def test_a_slow_call_does_not_hold_up_the_others(breaker):
    entered, leave = threading.Event(), threading.Event()

    def slow():
        entered.set()
        leave.wait(10)

    thread = threading.Thread(target=breaker.call, args=(slow,))
    thread.start()
    entered.wait(10)
    assert breaker.call(lambda: "at once") == "at once"
    leave.set()
    thread.join()
