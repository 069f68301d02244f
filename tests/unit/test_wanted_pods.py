"""Pods for the sales that are about to open: from half an hour before until a quarter after."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from queueing import policy
from queueing.wanted_pods import Opening, arrivals_per_second, wanted_pods

ROOT = Path(__file__).parents[2]
OPENS = datetime(2026, 12, 4, 11, 0, tzinfo=UTC)
MOMENT = timedelta(milliseconds=1)

seconds = st.integers(min_value=-7200, max_value=7200)
openings = st.lists(
    st.builds(
        lambda distance, fans: Opening(OPENS + timedelta(seconds=distance), fans),
        seconds,
        st.none() | st.integers(min_value=0, max_value=5_000_000),
    ),
    max_size=8,
)
borne = st.integers(min_value=1, max_value=10_000)


def wanted(*fans: int | None, at: datetime = OPENS, per_second: int = 330) -> int:
    return wanted_pods([Opening(OPENS, one) for one in fans], now=at, fans_per_second=per_second)


@pytest.mark.parametrize(
    ("fans", "pods"),
    [(0, 0), (1, 1), (3_300, 1), (3_301, 2), (10_000, 4), (100_000, 31), (1_000_000, 304)],
)
def test_pods_are_wanted_for_those_who_come_within_ten_seconds(fans, pods):
    assert wanted(fans) == pods


@pytest.mark.parametrize(
    ("at", "pods"),
    [
        (OPENS - policy.PODS_BEFORE - MOMENT, 0),
        (OPENS - policy.PODS_BEFORE, 31),
        (OPENS - timedelta(seconds=1), 31),
        (OPENS, 31),
        (OPENS + policy.PODS_AFTER - MOMENT, 31),
        (OPENS + policy.PODS_AFTER, 0),
    ],
)
def test_they_are_wanted_half_an_hour_before_and_a_quarter_of_an_hour_after(at, pods):
    spans = (policy.PODS_BEFORE, policy.PODS_AFTER)
    assert spans == (timedelta(minutes=30), timedelta(minutes=15))
    assert wanted(100_000, at=at) == pods


def test_a_sale_whose_crowd_nobody_has_named_wants_those_of_a_middling_one():
    assert wanted(None) == wanted(policy.UNSAID_FANS) == 4


def test_sales_that_open_together_add_up():
    assert wanted(100_000, 100_000) == 61


@given(openings, seconds, borne)
def test_as_many_as_bear_the_crowd_and_not_one_more(sales, distance, per_second):
    now = OPENS + timedelta(seconds=distance)
    pods, crowd = (
        wanted_pods(sales, now=now, fans_per_second=per_second),
        arrivals_per_second(sales, now=now),
    )
    assert pods >= 0
    assert crowd <= pods * per_second * (1 + 1e-9)
    assert pods == 0 or (pods - 1) * per_second < crowd * (1 + 1e-9)


@given(openings, openings, seconds, borne)
def test_a_sale_more_never_takes_a_pod(sales, more, distance, per_second):
    now = OPENS + timedelta(seconds=distance)
    few = wanted_pods(sales, now=now, fans_per_second=per_second)
    assert wanted_pods([*sales, *more], now=now, fans_per_second=per_second) >= few


@given(openings, seconds, borne)
def test_no_sale_about_to_open_wants_no_pod(sales, distance, per_second):
    now = OPENS + timedelta(seconds=distance)
    far = [
        one for one in sales if not -policy.PODS_AFTER < one.opens_at - now <= policy.PODS_BEFORE
    ]
    assert wanted_pods(far, now=now, fans_per_second=per_second) == 0


def measured(kind: str, column: str) -> float:
    """Return the CPU time of a kind of request in a process, in ms, as docs/capacity.md has it."""
    lines = (ROOT / "docs" / "capacity.md").read_text().splitlines()
    heads = next(line for line in lines if line.startswith("|  | CPU ms"))
    row = next(line for line in lines if line.startswith(f"| {kind} |"))
    names, cells = ([cell.strip() for cell in line.split("|")] for line in (heads, row))
    return float(cells[names.index(column)])


def test_what_a_pod_bears_is_what_was_measured():
    """Of a core's 1000 ms a second 600 are used; a pod of the API has two."""
    fan = measured("join", "gateway") + measured("concerts", "gateway")
    fan += measured("concerts", "wsgi")
    for said, found in (
        (settings.API_POD_FANS_PER_SECOND, 2 * 600 / fan),
        (settings.FASTPATH_POD_JOINS_PER_SECOND, 600 / measured("join", "fastpath")),
    ):
        assert 0.8 * found <= said <= 1.05 * found, (said, found)


def test_the_page_on_capacity_names_what_a_pod_bears():
    text = (ROOT / "docs" / "capacity.md").read_text()
    for name in ("API_POD_FANS_PER_SECOND", "FASTPATH_POD_JOINS_PER_SECOND"):
        assert re.search(rf"`{name}`\D*{getattr(settings, name):,}", text), name
