"""Scripts of faults are refused or understood, and carried out and mended in order."""

import time
from dataclasses import replace

import pytest

from proof.rush.choosing import expected_seconds
from proof.rush.faults import (
    _HANG,
    DEFAULT_SCRIPT,
    FaultRun,
    FaultScriptInvalid,
    RushFault,
    script_of,
)
from proof.rush.profiles import PROFILES, RushProfile
from proof.rush.rehearsal import READ_SECONDS, RehearsalFailed
from stack import topology


def test_the_default_script_breaks_what_is_promised():
    done = {(fault.do, fault.part) for fault in script_of("default")}
    assert done >= {
        ("kill", "lock"), ("wipe", "queue"), ("lag", "replica"), ("stop", "kafka"),
        ("pause", "gateway"), ("hang", "sandbox"), ("kill", "workers"),
    }  # fmt: skip
    assert {fault.part for fault in DEFAULT_SCRIPT} <= set(topology.PARTS)


def timed(script, expected: float = 100.0) -> tuple[RushFault, ...]:
    return tuple(fault.timed(expected) for fault in script)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda one: one.name)
def test_the_default_script_is_over_while_the_sale_of_any_profile_runs(profile: RushProfile):
    rate = profile.admitted_per_second
    expected = expected_seconds(profile, seed=1, seats=profile.seats, rate=rate)
    faults = timed(DEFAULT_SCRIPT, expected)
    assert all(fault.at > 0 and fault.ends < expected * 0.75 for fault in faults)
    [hanging] = [fault for fault in faults if fault.part == "sandbox"]
    assert hanging.do == "hang"
    assert all(one["seconds"] > float(READ_SECONDS) for one in _HANG)  # outcomes stay open


def test_a_sale_is_expected_to_go_on_as_long_as_profile_and_rate_say():
    small, steady = PROFILES["small"], PROFILES["steady"]

    def expected(profile, rate):
        return expected_seconds(profile, seed=1, seats=200, rate=rate)

    assert 10 < expected(small, 10.0) < 20
    assert expected(small, 1.0) == small.longest_seconds
    assert expected(replace(small, fans=50), 10.0) == 5.0  # too few to sell out
    assert expected(small, None) == 10.0
    assert expected(steady, 1_000.0) == steady.arrival_seconds


def test_a_script_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[[fault]]\nat = 1\ndo = "stop"\npart = "replica"\nseconds = 2.5\n')
    assert timed(script_of(str(path))) == (RushFault(1.0, "stop", "replica", 2.5),)
    path = tmp_path / "mine.json"
    path.write_text('{"fault": [{"at": 0, "do": "wipe", "part": "queue"}]}')
    assert timed(script_of(str(path))) == (RushFault(0.0, "wipe", "queue"),)
    path.write_text('{"fault": [{"at": "25%", "do": "kill", "part": "lock", "seconds": "5%"}]}')
    assert timed(script_of(str(path)), 40.0) == (RushFault(10.0, "kill", "lock", 2.0),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it must be a list"),
        ("fault = []", "it must be a list"),
        ("fault = 1", "it must be a list"),
        ('other = 1\n[[fault]]\nat=1\ndo="stop"\npart="kafka"', "it must be a list"),
        ("[[fault]]\nat = 1", "fault 1: it needs at, do and part"),
        ('[[fault]]\nat=1\ndo="burn"\npart="kafka"', "do must be"),
        ('[[fault]]\nat=1\ndo="stop"\npart="moon"', "stop takes one of"),
        ('[[fault]]\nat=1\ndo="stop"\npart="kafka; reboot"', "stop takes one of"),
        ('[[fault]]\nat=1\ndo="wipe"\npart="primary"', "wipe takes one of cache, lock, queue"),
        ('[[fault]]\nat=1\ndo="lag"\npart="primary"', "lag takes one of replica"),
        ('[[fault]]\nat=-1\ndo="stop"\npart="kafka"', "at must be 0 to"),
        ('[[fault]]\nat=true\ndo="stop"\npart="kafka"', "at must be 0 to"),
        ('[[fault]]\nat=nan\ndo="stop"\npart="kafka"', "at must be 0 to"),
        ('[[fault]]\nat="101%"\ndo="stop"\npart="kafka"', "at must be 0 to"),
        ('[[fault]]\nat="5"\ndo="stop"\npart="kafka"', 'a share as in "25%"'),
        ('[[fault]]\nat=1\ndo="stop"\npart="kafka"\nseconds=601', "seconds must be 0 to"),
        ('[[fault]]\nat=1\ndo="stop"\npart="kafka"\nwhy="x"', "a fault has no 'why'"),
    ],
)
def test_a_bad_script_is_refused_in_one_line(tmp_path, text, words):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(FaultScriptInvalid) as refused:
        script_of(str(path))
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_script_needs_a_name_that_exists(tmp_path):
    for name in ("worst", str(tmp_path / "gone.toml")):
        with pytest.raises(FaultScriptInvalid):
            script_of(name)


class FakeRehearsal:
    """Notes what the stack would be asked."""

    def __init__(self, *, fails: str = "") -> None:
        self.asked: list[tuple[str, ...]] = []
        self._fails = fails

    def stack(self, *words: str) -> str:
        self.asked.append(words)
        if words[0] == self._fails:
            raise RehearsalFailed("it said\nno such part")
        return ""


def carried_out(*script: RushFault, fails: str = ""):
    rehearsal = FakeRehearsal(fails=fails)
    run = FaultRun(rehearsal, script)
    run.begin(time.monotonic())
    for thread in run._threads:
        thread.join()
    run.end()
    return rehearsal.asked, run.done


def test_what_is_broken_is_mended():
    asked, done = carried_out(
        RushFault(0.0, "kill", "lock", 0.01), RushFault(0.0, "pause", "gateway", 0.01)
    )
    # Each fault has a thread of its own, so only its own two words are in order.
    assert [verb for verb, part in asked if part == "lock"] == ["kill", "start"]
    assert [verb for verb, part in asked if part == "gateway"] == ["pause", "resume"]
    assert len(asked) == 4
    assert {(fault.part, fault.error) for fault in done} == {("lock", ""), ("gateway", "")}


def test_the_end_of_the_sale_mends_what_is_broken_and_breaks_nothing_more():
    rehearsal = FakeRehearsal()
    run = FaultRun(rehearsal, [RushFault(0.0, "stop", "kafka", 600.0),
                               RushFault(600.0, "kill", "lock", 1.0)])  # fmt: skip
    run.begin(time.monotonic())
    while not rehearsal.asked:
        time.sleep(0)
    run.end()
    assert rehearsal.asked == [("stop", "kafka"), ("start", "kafka")]
    assert [(fault.part, fault.error) for fault in run.done] == [
        ("kafka", ""), ("lock", "the sale was over before it")
    ]  # fmt: skip


def test_a_script_is_over_once_all_of_it_is_mended():
    rehearsal = FakeRehearsal()
    run = FaultRun(rehearsal, [RushFault(0.0, "stop", "kafka", 600.0)])
    run.begin(time.monotonic())
    assert not run.is_over
    run.end()
    assert run.is_over


def test_a_fault_that_does_not_happen_says_why():
    _, [done] = carried_out(RushFault(0.0, "stop", "kafka"), fails="stop")
    assert done.error == "no such part"
