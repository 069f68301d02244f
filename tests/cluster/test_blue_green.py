"""A release that comes in all at once: tried before the switch, judged after it, switched back."""

import pytest

from stack.process import wait_until
from tests.cluster.judging import judged
from tests.cluster.watching import NAMESPACE, refusals


@pytest.fixture(scope="module")
def releases(kubectl, helm):
    plan = "release.plan=blueGreen,release.previewHost=next.tickets.example"
    buyer = "test.concert=Frontrow,test.fan=smoke@tickets.example"
    with judged(kubectl, helm, "--set", f"{plan},{buyer}") as one:
        yield one


def _asked(kubectl):
    """Return the digits of the images that the Service leads to."""
    selector = kubectl.get("service/frontrow-stable", "-n", NAMESPACE)["spec"]["selector"]
    words = ",".join(f"{key}={value}" for key, value in selector.items())
    found = kubectl.items("pods", "-n", NAMESPACE, "-l", words)
    return {one["spec"]["containers"][0]["image"][-1] for one in found}


def test_a_good_release_is_tried_and_switched_to(kubectl, releases):
    assert _asked(kubectl) == {"1"}
    releases.bring("2")
    assert wait_until(lambda: _asked(kubectl) == {"2"}, 90)
    releases.until("Healthy")
    assert releases.images() == {"1", "2"}  # the old colour stays
    bought = [
        one
        for one in kubectl.items("analysisruns", "-n", NAMESPACE)
        if one["spec"]["metrics"][0]["name"] == "purchase"
    ]
    assert [one["status"]["phase"] for one in bought] == ["Successful"]
    assert refusals(kubectl) == []


def test_a_bad_figure_switches_back(kubectl, releases):
    releases.judge.says["failed"] = [0.5]
    releases.bring("3")
    assert wait_until(lambda: _asked(kubectl) == {"3"}, 90)
    assert wait_until(lambda: _asked(kubectl) == {"2"}, 90)
    releases.until("Degraded")
