"""Calls are counted alike in a process and in the functions of Redis."""

from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kernel.rate_limiting import in_redis
from kernel.rate_limiting.gcra import Gcra
from kernel.rate_limiting.rates import Rate
from kernel.redis.clients import client
from kernel.redis.functions import FunctionLibrary

_ENTRY = """#!lua name=frontrow_test_gcra
server.register_function('frontrow_test_gcra', function(keys, args)
  local remaining, reset, refused =
    count_call(keys[1], tonumber(args[1]), tonumber(args[2]), tonumber(args[3]))
  return {remaining, reset, refused and 1 or 0}
end)
"""
SERVER_CLOCK = """#!lua name=frontrow_test_clock
server.register_function('frontrow_test_clock', function(keys, args)
  return {string.format('%.0f', counting_clock(tonumber(args[1]), tonumber(args[2])))}
end)
"""
RATES = some.builds(Rate, some.integers(1, 50), some.sampled_from([1, 7, 60, 3600]))
# Milliseconds between calls, from none at all to more than a period.
GAPS = some.lists(some.one_of(some.just(0), some.integers(0, 5_000_000)), max_size=60)
START_MS = 1_800_000_000_000


@pytest.fixture
def count_in_redis(db_ready, tmp_path):
    path = tmp_path / "entry.lua"
    path.write_text(_ENTRY)
    library = FunctionLibrary("queue", in_redis.SOURCE, path)

    def count(key: str, rate: Rate, now_ms: int) -> tuple[int, int, bool]:
        remaining, reset, refused = library.call(
            "frontrow_test_gcra", keys=[key], args=[rate.amount, rate.period_seconds * 1000, now_ms]
        )
        return int(remaining), int(reset), bool(refused)

    return count


def test_a_process_and_redis_count_alike(count_in_redis):
    @settings(max_examples=150, deadline=None)
    @given(rate=RATES, gaps=GAPS)
    def counted_alike(rate, gaps):
        gcra, now_ms, caller = Gcra(most=10), START_MS, str(uuid4())
        for gap in gaps:
            now_ms += gap
            here = gcra.count("caller", rate, now=now_ms / 1000)
            there = count_in_redis(caller, rate, now_ms)
            assert (here.remaining, here.is_refused) == (there[0], there[2])
            assert abs(here.reset - there[1]) <= 1  # rounded up, from nearly the same moment

    counted_alike()


def test_they_count_alike_while_staff_change_the_limit(count_in_redis):
    @settings(max_examples=100, deadline=None)
    @given(calls=some.lists(some.tuples(RATES, some.integers(0, 100_000)), max_size=40))
    def counted_alike(calls):
        gcra, now_ms, caller = Gcra(most=10), START_MS, str(uuid4())
        for rate, gap in calls:
            now_ms += gap
            here = gcra.count("caller", rate, now=now_ms / 1000)
            there = count_in_redis(caller, rate, now_ms)
            assert abs(here.remaining - there[0]) <= 1
            assert abs(here.reset - there[1]) <= 1

    counted_alike()


SKEWS = some.sampled_from([1500, 3000, 60_000, 600_000])  # milliseconds between two hosts


def test_one_limit_counts_on_hosts_whose_clocks_differ(count_in_redis):
    """One that is behind forgets nothing; at most the difference of the clocks counts twice."""

    @settings(max_examples=20, deadline=None)
    @given(skew=SKEWS, turns=some.lists(some.booleans(), min_size=20, max_size=60))
    def counted_once(skew, turns):
        rate, caller, passed = Rate(10, 60), str(uuid4()), 0
        for step, is_behind in enumerate(turns):
            now_ms = START_MS + 50 * step
            for _ in range(3):
                passed += not count_in_redis(caller, rate, now_ms - skew * is_behind)[2]
        twice = min(rate.amount, skew // 6000 + 1)  # one comes back every six seconds
        assert passed <= rate.amount + 1 + twice

    counted_once()


@pytest.mark.control
def test_control_a_count_without_its_limit_would_be_forgotten(count_in_redis):
    """What the functions did: a far arrival was taken for another limit's, and dropped."""
    rate, caller, passed = Rate(60, 60), str(uuid4()), 0
    for step in range(20):
        for behind in (0, 1500):
            now_ms = START_MS + 50 * step - behind
            kept = client("queue").get(caller)
            if kept and float(kept.split()[0]) > now_ms + 61_000:
                client("queue").delete(caller)
            while not count_in_redis(caller, rate, now_ms)[2]:
                passed += 1
    assert passed > 2 * rate.amount


@pytest.mark.parametrize(
    ("off", "counted_as"),
    [(0, 0), (1500, 1500), (-1500, -1500), (600_000, 2000), (-600_000, -2000)],
)
def test_a_host_far_from_the_server_counts_by_the_servers_clock(
    db_ready, tmp_path, off, counted_as
):
    path = tmp_path / "clock.lua"
    path.write_text(SERVER_CLOCK)
    library = FunctionLibrary("queue", in_redis.SOURCE, path)
    seconds, microseconds = client("queue").time()
    now_ms = seconds * 1000 + microseconds // 1000
    [counting] = library.call("frontrow_test_clock", keys=["any"], args=[now_ms + off, 2000])
    late = int(counting) - now_ms - counted_as  # the server's clock went on, perhaps
    assert 0 <= late < 60_000


@settings(deadline=None)
@given(rate=RATES, gaps=GAPS)
def test_never_more_than_twice_the_amount_in_a_period_and_a_waiter_passes(rate, gaps):
    gcra, now, passed = Gcra(most=10), START_MS / 1000, []
    for gap in gaps:
        now += gap / 1000
        counted = gcra.count("caller", rate, now=now)
        if counted.is_refused:
            now += counted.reset
            assert not gcra.count("caller", rate, now=now).is_refused, (
                "had waited as long as required"
            )
        passed.append(now)
    for first in passed:
        within = [moment for moment in passed if first <= moment < first + rate.period_seconds]
        assert len(within) <= 2 * rate.amount


def test_all_calls_may_come_at_once_and_come_back_one_by_one():
    gcra, rate = Gcra(most=10), Rate(3, 60)
    assert [gcra.count("a", rate, now=0.0) for _ in range(4)] == [
        (2, 20, False),
        (1, 40, False),
        (0, 60, False),
        (0, 20, True),
    ]
    assert gcra.count("b", rate, now=0.0).remaining == 2
    assert gcra.count("a", rate, now=19.0).is_refused
    assert not gcra.count("a", rate, now=20.0).is_refused
    assert gcra.count("a", rate, now=20.0).is_refused
    assert gcra.count("a", rate, now=200.0) == (2, 20, False)


def test_a_stricter_limit_is_in_force_at_once_and_keeps_nobody_longer_than_its_period():
    gcra = Gcra(most=10)
    for _ in range(100):
        gcra.count("a", Rate(100, 86_400), now=0.0)
    assert gcra.count("a", Rate(2, 10), now=1.0).reset <= 10
    assert not gcra.count("a", Rate(2, 10), now=11.0).is_refused


def test_a_looser_limit_keeps_what_was_counted():
    gcra = Gcra(most=10)
    for _ in range(3):
        gcra.count("a", Rate(3, 60), now=0.0)
    assert gcra.count("a", Rate(10, 60), now=0.0).remaining == 6  # three and this one are counted


def test_when_there_are_too_many_those_who_may_call_freely_go_first():
    gcra, rate = Gcra(most=3), Rate(1, 60)
    gcra.count("waits", rate, now=50.0)
    gcra.count("idle", rate, now=0.0)
    gcra.count("idle too", rate, now=0.0)
    gcra.count("new", rate, now=70.0)
    assert len(gcra) <= 3
    assert gcra.count("waits", rate, now=71.0).is_refused


def is_still_refused_after_a_crowd(gcra: Gcra) -> bool:
    """Spend somebody's calls, let 5,000 others call who soon may call freely, and call again."""
    gcra.count("waits", Rate(1, 86_400), now=0.0)
    for number in range(5000):
        gcra.count(number, Rate(10, 10), now=number * 0.1)  # ten of them wait at a time
        assert len(gcra) <= 100
    return gcra.count("waits", Rate(1, 86_400), now=500.0).is_refused


def test_a_crowd_that_may_call_freely_frees_nobody_who_waits():
    assert is_still_refused_after_a_crowd(Gcra(most=100))


@pytest.mark.control
def test_control_without_a_look_at_the_old_the_crowd_frees_those_who_wait(monkeypatch):
    monkeypatch.setattr("kernel.rate_limiting.gcra._LOOKED_AT", 0)
    assert not is_still_refused_after_a_crowd(Gcra(most=100))


def test_making_room_looks_at_a_few_callers_only(monkeypatch):
    """Where all of 1,000 callers wait, each new one costs no walk over them."""
    looked_at = []

    class Watched(dict):
        def popitem(self):
            looked_at.append(1)
            return super().popitem()

    gcra = Gcra(most=1000)
    for number in range(2000):
        gcra.count(number, Rate(1, 86_400), now=0.0)
        if type(gcra._old) is dict:
            gcra._old = Watched(gcra._old)
        before = len(looked_at)
        gcra.count(f"new {number}", Rate(1, 86_400), now=0.0)
        assert len(looked_at) - before <= 4
        assert len(gcra) <= 1000


@settings(deadline=None)
@given(rate=RATES, gaps=GAPS)
def test_whether_calls_are_spent_is_known_without_counting(rate, gaps):
    gcra, now = Gcra(most=10), START_MS / 1000
    for gap in gaps:
        now += gap / 1000
        spent = gcra.is_spent("caller", rate, now=now)
        counted = gcra.count("caller", rate, now=now)
        assert (spent is not None) == counted.is_refused
        assert spent in (None, counted)


@settings(deadline=None)
@given(rate=RATES, gaps=GAPS, data=some.data())
def test_a_call_given_back_was_never_there(rate, gaps, data):
    gcra, plain, now = Gcra(most=10), Gcra(most=10), START_MS / 1000
    for gap in gaps:
        now += gap / 1000
        if data.draw(some.booleans()) and not gcra.count("caller", rate, now=now).is_refused:
            gcra.refund("caller", rate)
        assert gcra.count("caller", rate, now=now) == plain.count("caller", rate, now=now)


def test_what_has_come_already_is_charged_as_far_as_there_is_room():
    gcra, rate = Gcra(most=10), Rate(6, 60)
    assert gcra.charge("a", rate, 2, now=0.0) == (4, 20, False)
    assert gcra.charge("a", rate, 3, now=0.0) == (1, 50, False)
    assert gcra.charge("a", rate, 3, now=0.0) == (0, 60, False)
    assert gcra.count("a", rate, now=0.0) == (0, 10, True)
    assert not gcra.count("a", rate, now=10.0).is_refused


def test_giving_a_call_back_to_somebody_dropped_meanwhile_changes_nothing():
    class Dropping(dict):
        """As when another thread drops everybody between two looks."""

        def get(self, key, default=None):
            found = super().get(key, default)
            self.clear()
            return found

    gcra, rate = Gcra(most=10), Rate(6, 60)
    gcra._young = Dropping()
    gcra.refund("a", rate)
    assert len(gcra) == 0
    gcra._young = Dropping(a=(10.0, rate))
    gcra.refund("a", rate)
    assert dict(gcra._young) in ({}, {"a": (0.0, rate)})
