"""When the last who wait will be in: by the rate, or by the places that become free."""

import pytest

from queueing.forecast import Crowd, Forecast, forecast

CROWD = Crowd(waiting=9_000, active=500, capacity=10_000, pace=50.0)


def test_with_places_enough_the_rate_decides():
    assert forecast(CROWD, state="OPEN", rate=150, capacity=10_000) == Forecast(60.0)


def test_with_full_places_those_that_become_free_decide():
    full = Crowd(waiting=1_000, active=200, capacity=200, pace=10.0)
    assert forecast(full, state="OPEN", rate=100, capacity=200) == Forecast(100.0, by_places=True)


def test_more_places_let_the_first_in_at_once_and_become_free_faster():
    full = Crowd(waiting=1_000, active=200, capacity=200, pace=10.0)
    found = forecast(full, state="OPEN", rate=100, capacity=400)
    assert found == Forecast(200 / 100 + 800 / 20, by_places=True)


def test_nobody_knows_when_places_do_not_become_free():
    full = Crowd(waiting=10, active=5, capacity=5, pace=0.0)
    assert forecast(full, state="OPEN", rate=100, capacity=5) == Forecast(None, by_places=True)


@pytest.mark.parametrize("state", ["PAUSED", "CLOSED", "PRESALE"])
def test_a_room_that_admits_nobody_has_no_end(state):
    assert forecast(CROWD, state=state, rate=150, capacity=10_000) == Forecast(None)


def test_a_room_that_drains_lets_the_waiting_in():
    assert forecast(CROWD, state="DRAINING", rate=90, capacity=10_000) == Forecast(100.0)


def test_nobody_waits_nobody_is_late():
    calm = Crowd(waiting=0, active=1, capacity=1, pace=0.0)
    assert forecast(calm, state="OPEN", rate=1, capacity=1) == Forecast(0.0)
