"""A drill without its guard, on a stack of its own, and orders that are none."""

import json

import pytest

from tests.support.drilling import SECONDS, drilled, left_over, own_tmp

__all__ = ["own_tmp"]
pytestmark = pytest.mark.timeout(SECONDS + 60)


@pytest.mark.control
def test_control_without_its_guard_numbers_are_given_twice(own_tmp):
    done = drilled(own_tmp, "queue-node", "--control")
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["broken"] != []
    assert left_over(own_tmp) == []


def test_what_is_no_drill_is_refused(own_tmp):
    for words in (["nothing"], ["lock-node", "--rate", "0"], ["switchover", "--control"]):
        done = drilled(own_tmp, *words)
        assert done.returncode == 4, done.stderr
        assert done.stdout == ""
        assert left_over(own_tmp) == []
