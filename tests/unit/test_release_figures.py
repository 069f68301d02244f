"""What a drilled release is said to have become, and what has to be wrong with it to break."""

import pytest

from drills.releases import figures, page
from drills.releases.balancer import Served
from drills.releases.cases import CASES
from drills.releases.figures import Watched

GOOD, FAILING = (next(one for one in CASES if one.name == name) for name in ("good", "failing"))


def served(at, place="a", status=200, fan=1):
    return Served(at, place, status, f"10.0.0.{fan}")


def hundred(met=10, failing=0):
    """Return a hundred requests in ten seconds of as many fans; the last of `met` end the share."""
    every = 100 // met
    return [
        served(100 + n / 10, "b" if n % every == 0 else "a", 500 if n < failing else 200, n)
        for n in range(100)
    ]


def watched(*shares, became="taken back", ended=200.0):
    return Watched(began=100, place="b", shares=list(shares), became=became, ended=ended)


def test_what_the_new_build_answered_is_counted_by_itself():
    seen = figures.of([*hundred(failing=1), served(300, "b", 500)], watched(10, 0))
    assert (seen["requests"], seen["requests_met"], seen["fans"], seen["fans_met"]) == (
        *(100, 10, 100, 10),
    )
    assert (seen["failed"], seen["failed_met"]) == (0, 1)
    assert seen["met_seconds"] == 9.0
    assert seen["share_met"] == pytest.approx(10 / 91, abs=0.001)


def test_a_build_that_nobody_met_has_no_share():
    seen = figures.of([served(101)], watched(became="taken back"))
    assert (seen["requests_met"], seen["share_met"], seen["met_seconds"]) == (0, 0.0, None)


def broken(case, looked_at, requests, *, control=False):
    return figures.broken(case, looked_at, figures.of(requests, looked_at), control=control)


def test_a_good_release_that_comes_in_and_a_bad_one_that_does_not_are_right():
    assert broken(GOOD, watched(10, 30, 100, 0, became="promoted"), hundred()) == []
    assert broken(FAILING, watched(10, 0), hundred(failing=1)) == []
    everything = watched(10, 30, 100, 0, became="promoted")
    assert broken(FAILING, everything, hundred(met=100), control=True) == []


@pytest.mark.control
@pytest.mark.parametrize(
    ("case", "looked_at", "requests", "said"),
    [
        (GOOD, watched(10, 0), hundred(), "not promoted"),
        (GOOD, watched(10, 30, 100, became="promoted"), hundred(failing=1), "1 requests failed"),
        (FAILING, watched(10, 30, 100, became="promoted"), hundred(), "not taken back"),
        (FAILING, watched(10, 30, 0), hundred(), "shares were"),
        (FAILING, watched(10, 0), hundred(met=50), "of requests met it"),
        (FAILING, watched(10, became=""), hundred(), "neither promoted nor taken back"),
    ],
)
def test_control_what_is_otherwise_breaks(case, looked_at, requests, said):
    assert any(said in one for one in broken(case, looked_at, requests))


@pytest.mark.control
def test_control_a_bad_release_that_is_taken_back_without_analysis_breaks():
    assert broken(FAILING, watched(10, 0), hundred(), control=True)


def test_the_page_has_a_line_for_each_release_and_what_broke():
    machine = {"cores": 2, "processor": "x", "memory_gib": 24, "system": "Linux", "python": "3.13"}
    machine["load"] = 2.5
    run = {
        "case": "failing", "says": "3 % fail.", "control": False, "became": "taken back",
        "shares": [10, 0], "message": "failed", "requests": 1000, "failed": 0, "requests_met": 90,
        "failed_met": 3, "share_met": 0.09, "fans": 100, "fans_met": 40, "met_seconds": 31.5,
        "back_seconds": 4.5, "audit": "clean", "broken": ["a sentence"], "late": [],
        "date": "2026-11-28", "machine": machine, "flows_per_second": 10.0,
    }  # fmt: skip
    text = page.page({"failing": [run], "failing --control": [{**run, "broken": []}]})
    assert (
        "| failing: 3 % fail. | taken back | 10 %, 0 % | 1,000 | 0, 3 | 90 (9.0%) | 100, 40 |"
        " 31.5 s | 4.5 s | clean | 1 | 2.5 |"
    ) in text
    assert "- failing: **a sentence**" in text
    assert "`python -m drills releases --control`, 2026-11-28, 10 flows a second" in text
    assert "Not tried yet." in page.page({"failing": [run]})
