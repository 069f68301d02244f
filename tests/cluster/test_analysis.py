"""A new release gets its share step by step, and none once Prometheus says no, or nothing."""

import json
import time

import pytest

from release import rollback
from stack.process import wait_until
from tests.cluster.judging import CHECKS, judged
from tests.cluster.watching import NAMESPACE

ACTION = "alb.ingress.kubernetes.io/actions.frontrow"


@pytest.fixture(scope="module")
def installed(kubectl, helm):
    with judged(kubectl, helm) as one:
        yield one


@pytest.fixture
def releases(installed):
    """Return a stable release with nothing wrong; what a test broke is well again after it."""
    installed.judge.says.clear()
    installed.judge.asked.clear()
    stable = installed.stable()
    yield installed
    if installed.phase() != "Healthy":
        installed.judge.says.clear()
        installed.bring(stable)
        installed.until("Healthy")


def _weight(kubectl):
    """Return the share of the new release, in percent, as the balancer reads it."""
    annotations = kubectl.get("ingress/frontrow", "-n", NAMESPACE)["metadata"]["annotations"]
    groups = json.loads(annotations[ACTION])["ForwardConfig"]["TargetGroups"]
    weights = {one["ServiceName"]: int(one.get("Weight") or 0) for one in groups}
    return weights.get("frontrow-canary", 0)


def _shares(releases, until, seconds=120):
    """Return the shares in the order in which they came, until a phase."""
    seen = [_weight(releases.kubectl)]
    deadline = time.monotonic() + seconds
    while releases.phase() != until:
        assert time.monotonic() < deadline, (seen, releases.phase())
        now = _weight(releases.kubectl)
        seen += [now] if now != seen[-1] else []
    return seen


def test_a_good_release_gets_10_and_30_and_all(releases):
    releases.bring("2")
    shares = _shares(releases, "Healthy")
    assert [one for one in shares if one] == [10, 30, 100]
    assert releases.stable() == "2"
    assert releases.judge.asked == CHECKS.keys()


@pytest.mark.parametrize("name", ["failed", "violations", "unknown-payments", "hold-p95"])
def test_a_bad_figure_takes_the_release_back(kubectl, releases, name):
    releases.judge.says[name] = [CHECKS[name].at_most + 0.5]
    releases.bring("3")
    assert max(_shares(releases, "Degraded")) == 10
    assert wait_until(lambda: _weight(kubectl) == 0, 20)


def test_no_answer_takes_the_release_back(kubectl, releases):
    releases.judge.says["failed"] = []
    releases.bring("4")
    assert max(_shares(releases, "Degraded")) == 10
    assert wait_until(lambda: _weight(kubectl) == 0, 20)


def test_too_few_requests_decide_nothing(kubectl, releases):
    releases.judge.says["requests"] = [199.0]
    releases.bring("5")
    assert wait_until(lambda: _weight(kubectl) == 10, 60)
    time.sleep(6)  # six looks
    assert (_weight(kubectl), releases.phase()) == (10, "Progressing")


def test_without_prometheus_it_goes_neither_on_nor_back(kubectl, releases):
    releases.judge.is_away = True
    try:
        releases.bring("8")
        assert wait_until(lambda: _weight(kubectl) == 10, 60)
        # Ten looks of each measure: far more than are forgiven of bad ones.
        before = releases.judge.in_vain
        assert wait_until(lambda: releases.judge.in_vain > before + 10 * len(CHECKS), 120)
        assert (_weight(kubectl), releases.phase()) == (10, "Progressing")
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
    assert _weight(kubectl) == 0
    assert releases.stable() == before


@pytest.mark.control
def test_control_without_analysis_a_bad_release_gets_all(kubectl, releases):
    releases.judge.says.update({"failed": [0.5], "violations": [3.0]})
    releases.bring("6", "--set", "release.analysis=false")
    assert max(_shares(releases, "Healthy")) == 100
