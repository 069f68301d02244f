"""Intervals of polls (Note [Poll interval] in queueing/poll_interval.py)."""

import pytest

from queueing import policy, poll_interval
from queueing.replies import PlaceState, Spot


def spot(
    ahead: int, waiting: int, *, pace: float = 50, room_state: str = "OPEN", opens_in: int = 0
):
    return Spot(
        epoch=1,
        number=ahead + 1,
        state=PlaceState.WAITING,
        ahead=ahead,
        until_ms=0,
        room_state=room_state,
        waiting=waiting,
        wait_ms=round(ahead / pace * 1000),
        admits_from_ms=1_000_000 + opens_in * 1000,
        now_ms=1_000_000,
        joined_ms=0,
    )


def interval(place: Spot) -> int:
    return poll_interval.poll_after_seconds(place, eta=poll_interval.eta_seconds(place))


@pytest.mark.parametrize("crowd", [100, 5_000, 50_000, 200_000])
@pytest.mark.parametrize("pace", [5, 50])
def test_a_crowd_polls_about_a_thousand_times_a_second_whatever_its_size(crowd, pace):
    step = max(1, crowd // 2000)
    polls = sum(step / interval(spot(ahead, crowd, pace=pace)) for ahead in range(0, crowd, step))
    assert polls < 1.6 * policy.POLLS_PER_SECOND


def test_a_crowd_of_a_hundred_thousand_is_played_through_its_first_minutes():
    """Everybody polls again when due; the queue moves at the room's rate meanwhile."""
    crowd, pace, step, seconds = 100_000, 50, 50, 300
    polls = [0] * seconds
    for start in range(0, crowd, step):
        at = interval(spot(start, crowd, pace=pace)) * (start % 997) / 997  # they came over time
        while at < seconds:
            polls[int(at)] += step
            ahead = start - int(at * pace)
            if ahead <= 0:
                break
            at += interval(spot(ahead, crowd - int(at * pace), pace=pace))
    assert sum(polls[60:]) / (seconds - 60) < 1.1 * policy.POLLS_PER_SECOND


def test_those_far_behind_ask_less_often():
    places = [spot(ahead, 50_000) for ahead in (10, 1_000, 40_000)]
    intervals = [sum(interval(place) for _ in range(50)) / 50 for place in places]
    assert intervals == sorted(intervals)
    assert intervals[0] < 5 < intervals[2]


@pytest.mark.parametrize("ahead", [0, 5, 100, 5_000])
def test_nobody_sleeps_past_the_own_turn(ahead):
    place = spot(ahead, 50_000)
    eta = poll_interval.eta_seconds(place)
    assert all(interval(place) <= max(2, eta) for _ in range(100))


def test_before_the_opening_the_wait_is_until_then():
    place = spot(100, 200, room_state="PRESALE", opens_in=600)
    assert poll_interval.eta_seconds(place) == 602
    assert 40 <= interval(place) <= 75


def test_polls_are_spread():
    assert len({interval(spot(40_000, 50_000)) for _ in range(100)}) > 5
