"""The breaker for services outside opens by the share of failed calls, not by three in a row."""

import pytest

from kernel.outbound import breaker as outbound
from kernel.outbound.breaker import RatioBreaker
from kernel.redis import breaker as shared
from kernel.redis.breaker import DependencyUnavailable
from tests.support.steady_clock import SteadyClock


@pytest.fixture
def clock(monkeypatch):
    clock = SteadyClock()
    for module in (outbound, shared):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def breaker(clock):
    return RatioBreaker("test", failures_on=(ConnectionError,), ratio=0.5, volume=10,
                        window_seconds=20, retry_seconds=5)  # fmt: skip


def fail(breaker, times=1):
    for _ in range(times):
        with pytest.raises(ConnectionError):
            breaker.call(_gone)


def _gone():
    raise ConnectionError("gone")


def succeed(breaker, times=1):
    for _ in range(times):
        assert breaker.call(lambda: 7) == 7


def test_failures_in_a_row_below_the_volume_do_not_open_it(breaker):
    fail(breaker, 9)
    assert not breaker.is_open
    fail(breaker)
    assert breaker.is_open


def test_it_opens_at_the_ratio_and_calls_no_more(breaker):
    succeed(breaker, 6)
    fail(breaker, 5)
    assert not breaker.is_open
    fail(breaker)
    called = []
    with pytest.raises(DependencyUnavailable):
        breaker.call(lambda: called.append(1))
    assert (breaker.is_open, called) == (True, [])


@pytest.mark.control
def test_a_few_failures_among_many_calls_leave_it_closed(breaker):
    """With a ratio of nothing the same calls open it."""

    def calls(one):
        for _ in range(5):
            succeed(one, 3)
            fail(one, 2)

    calls(breaker)
    assert not breaker.is_open
    strict = RatioBreaker("test", failures_on=(ConnectionError,), ratio=0.01, volume=10)
    with pytest.raises(DependencyUnavailable):
        calls(strict)


def test_what_is_older_than_the_window_does_not_count(breaker, clock):
    fail(breaker, 9)
    clock.now += 21
    fail(breaker, 9)
    assert not breaker.is_open


def test_one_call_at_a_time_looks_whether_the_service_is_back(breaker, clock):
    fail(breaker, 10)
    clock.now += 5.1
    called = []

    def look():
        called.append(1)
        with pytest.raises(DependencyUnavailable):  # the others still wait
            breaker.call(lambda: called.append(2))
        return "back"

    assert breaker.call(look) == "back"
    assert (called, breaker.is_open) == ([1], False)
    fail(breaker, 9)  # what was before it opened is forgotten
    assert not breaker.is_open


def test_a_failed_look_keeps_it_open(breaker, clock):
    fail(breaker, 10)
    clock.now += 5.1
    fail(breaker)
    with pytest.raises(DependencyUnavailable):
        breaker.call(lambda: 1)
    clock.now += 5.1
    succeed(breaker)
    assert not breaker.is_open


def test_an_error_of_what_the_service_said_is_no_failure_of_the_service(breaker):
    def refused():
        raise ValueError("no")

    for _ in range(20):
        with pytest.raises(ValueError, match="no"):
            breaker.call(refused)
    assert not breaker.is_open
