"""A release that nobody can judge stays where it is; one without analysis gets everybody."""

import json

import pytest

from release import rollback
from stack.process import wait_until
from tests.cluster.judging import CHECKS
from tests.cluster.watching import NAMESPACE


def test_too_few_requests_decide_nothing(releases):
    releases.judge.says["requests"] = [199.0]
    releases.bring("5")
    assert wait_until(lambda: releases.shares.now == 10, 60)
    before = releases.judge.counted
    assert wait_until(lambda: releases.judge.counted > before + 6, 60)
    assert (releases.shares.now, releases.phase()) == (10, "Progressing")


def test_without_prometheus_it_goes_neither_on_nor_back(releases):
    releases.judge.is_away = True
    try:
        releases.bring("8")
        assert wait_until(lambda: releases.shares.now == 10, 60)
        # Five looks of each measure: more than are forgiven of bad ones.
        before = releases.judge.in_vain
        assert wait_until(lambda: releases.judge.in_vain > before + 5 * len(CHECKS), 120)
        assert (releases.shares.now, releases.phase()) == (10, "Progressing")
    finally:
        releases.judge.is_away = False
    releases.until("Healthy", 120)
    assert releases.stable() == "8"


def test_going_back_takes_less_than_a_minute(kubectl, releases):
    """Nobody can be frozen here: kwok runs no command in a pod."""
    before = releases.stable()
    revision = max(
        one["revision"]
        for one in json.loads(releases.helm.run("history", "frontrow", "--output", "json"))
    )
    releases.bring("7")
    releases.until("Healthy", 120)
    outcome = rollback.go_back(kubectl, releases.helm, NAMESPACE, revision, "a test")
    assert outcome.seconds is not None, outcome
    assert outcome.seconds < rollback.SECONDS
    assert [one.partition(":")[0] for one in outcome.problems] == ["consumers freeze"]
    # Until the balancer's annotation follows, both sides are the release before.
    assert wait_until(lambda: releases.shares.now == 0, 60)
    assert releases.stable() == before


@pytest.mark.control
def test_control_without_analysis_a_bad_release_gets_all(releases):
    releases.judge.says.update({"failed": [0.5], "violations": [3.0]})
    releases.bring("6", "--set", "release.analysis=false")
    releases.until("Healthy")
    assert max(releases.shares.seen) == 100
