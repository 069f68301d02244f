"""Note [Measuring the primary]: known within a bound, whatever hosts and networks do."""

import itertools
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kernel.db import primary_clock
from kernel.db.primary_clock import DRIFT, Estimate, PrimaryClock

EPOCH = 1_800_000_000.0
AHEAD, BEHIND = 600.0, -600.0  # ten minutes


class Host:
    """A host whose clock differs from the primary's, and a network that takes its time."""

    def __init__(self, *, ahead: float = 0.0) -> None:
        self.ahead = ahead  # of the primary
        self.uptime = 1000.0
        self.primary_jumped = 0.0
        self.to_primary = self.from_primary = 0.0005
        self.unreachable = False
        self.clock = PrimaryClock(round_trip=self.ask, steady=self.steady, host=self.host)
        self.clock._started = True  # the test is the thread

    def steady(self) -> float:
        return self.uptime

    def primary(self) -> float:
        return EPOCH + self.uptime + self.primary_jumped

    def host(self) -> float:
        return EPOCH + self.uptime + self.ahead

    def ask(self) -> Estimate:
        if self.unreachable:
            raise OSError
        sent = self.uptime
        self.uptime += self.to_primary
        theirs = self.primary()
        self.uptime += self.from_primary
        return Estimate.of_round_trip(sent, theirs, self.uptime)


@pytest.mark.parametrize("ahead", [AHEAD, 1.5, 0.0, -1.5, BEHIND])
def test_hosts_ahead_and_behind_know_the_primarys_time(ahead):
    host = Host(ahead=ahead)
    host.clock.measure()
    assert host.clock.present() == pytest.approx(host.primary(), abs=0.001)
    assert host.clock.offset() == pytest.approx(-ahead, abs=0.001)


@pytest.mark.control
def test_control_without_a_measurement_the_host_is_believed():
    host = Host(ahead=AHEAD)
    assert host.clock.present() is None  # clock.now() falls back to the host
    assert host.clock.offset() is None
    assert host.clock.error() == float("inf")


def test_two_hosts_far_apart_agree_within_their_errors():
    hosts = Host(ahead=AHEAD), Host(ahead=BEHIND)
    for host in hosts:
        host.clock.measure()
    first, second = (host.clock.present() for host in hosts)
    assert abs(first - second) <= sum(host.clock.error() for host in hosts)


def test_a_slow_round_trip_changes_nothing():
    host = Host()
    host.clock.measure()
    host.to_primary, host.from_primary = 3.0, 0.0  # its middle is 1.5 s off
    host.clock.measure()
    assert host.clock.present() == pytest.approx(host.primary(), abs=0.01)


@pytest.mark.control
def test_control_the_middle_of_one_slow_round_trip_is_far_off():
    host = Host()
    host.to_primary, host.from_primary = 3.0, 0.0
    host.clock.measure()
    assert abs(host.clock.present() - host.primary()) > 1
    assert host.clock.error() >= 1.5  # and it is known to be


def test_a_step_of_the_hosts_clock_moves_no_deadline_and_is_reported(caplog):
    host = Host()
    host.clock.measure()
    before = primary_clock.jumps.labels("host")._value.get()
    host.ahead = AHEAD
    assert host.clock.present() == pytest.approx(host.primary(), abs=0.001)
    assert host.clock.offset() == pytest.approx(-AHEAD, abs=0.001)  # before the next measurement
    host.clock.measure()
    assert primary_clock.jumps.labels("host")._value.get() == before + 1
    assert "the host's clock jumped" in caplog.text


def test_a_step_of_the_primarys_clock_is_followed_and_reported(caplog):
    host = Host()
    host.clock.measure()
    before = primary_clock.jumps.labels("primary")._value.get()
    host.primary_jumped = 5.0  # another server was promoted
    host.clock.measure()
    assert host.clock.present() == pytest.approx(host.primary(), abs=0.001)
    assert primary_clock.jumps.labels("primary")._value.get() == before + 1
    assert "the primary's clock jumped" in caplog.text


def test_with_the_primary_unreachable_the_last_value_holds_and_ages():
    host = Host(ahead=BEHIND)
    host.clock.measure()
    known = host.clock.error()
    host.unreachable = True
    assert not host.clock._try_to_measure()
    host.uptime += 60
    assert host.clock.present() == pytest.approx(host.primary(), abs=0.001)
    assert host.clock.error() == pytest.approx(known + 60 * DRIFT)


DELAYS = some.floats(0, 2)
PAUSES = some.floats(0, 100)
RATES = some.floats(-DRIFT, DRIFT)


@given(steps=some.lists(some.tuples(DELAYS, DELAYS, PAUSES, RATES), min_size=1, max_size=20))
def test_the_truth_is_never_further_than_the_error(steps):
    host = Host(ahead=AHEAD)
    jumped = primary_clock.jumps.labels("primary")._value.get()
    for host.to_primary, host.from_primary, pause, rate in steps:
        host.clock.measure()
        host.uptime += pause
        host.primary_jumped += rate * pause  # clocks drift apart
        wrong = abs(host.clock.present() - host.primary())
        assert wrong <= host.clock.error() + 1e-6
    assert primary_clock.jumps.labels("primary")._value.get() == jumped


def test_the_first_question_waits_for_the_first_measurement_by_a_thread():
    asked = itertools.count(1)
    here = threading.get_ident()

    def ask() -> Estimate:
        assert threading.get_ident() != here
        next(asked)
        return Estimate(EPOCH, EPOCH, 0.0)

    clock = PrimaryClock(round_trip=ask, steady=lambda: 0.0, host=lambda: 0.0)
    try:
        assert clock.present() == EPOCH
        assert clock.present() == EPOCH
    finally:
        clock.stop()
    assert next(asked) == 2  # no question asks the primary


def test_a_forked_process_measures_for_itself():
    asked_by = []

    def ask() -> Estimate:
        asked_by.append(os.getpid())
        return Estimate(EPOCH, EPOCH, 0.0)

    clock = PrimaryClock(round_trip=ask, steady=lambda: 0.0, host=lambda: 0.0)
    clock.present()
    clock.stop()
    clock.begin_process()  # what os.register_at_fork calls in the child
    assert clock.present() == EPOCH
    clock.stop()
    assert len(asked_by) == 2
