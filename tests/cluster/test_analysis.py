"""A new release gets its share step by step, and no more of it once Prometheus says no."""

import pytest

from stack.process import wait_until
from tests.cluster.judging import CHECKS


def test_a_good_release_gets_10_and_30_and_all(releases):
    releases.bring("2")
    releases.until("Healthy")
    assert [one for one in releases.shares.seen if one] == [10, 30, 100]
    assert releases.stable() == "2"
    assert releases.judge.asked == CHECKS.keys()


@pytest.mark.parametrize("name", ["failed", "violations", "unknown-payments", "hold-p95"])
def test_a_bad_figure_takes_the_release_back(releases, name):
    releases.judge.says[name] = [CHECKS[name].at_most + 0.5]
    releases.bring("3")
    releases.until("Degraded")
    assert wait_until(lambda: releases.shares.now == 0, 20)
    assert max(releases.shares.seen) == 10


def test_no_answer_takes_the_release_back(releases):
    releases.judge.says["failed"] = []
    releases.bring("4")
    releases.until("Degraded")
    assert wait_until(lambda: releases.shares.now == 0, 20)
    assert max(releases.shares.seen) == 10
