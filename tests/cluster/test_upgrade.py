"""From the last release to this one and back: selectors stay, setup runs first."""

import shutil

import pytest

from deploy.chart.rendering import CHART
from deploy.cluster import previous
from deploy.cluster.kubectl import Refused
from stack.process import wait_until
from tests.cluster.watching import NAMESPACE, ready, scale

OTHER_IMAGE = ("--set", "image.digest=sha256:" + "1" * 64)
KINDS = "rollouts,statefulsets,deployments,services,poddisruptionbudgets"


@pytest.fixture(scope="module")
def releases(kubectl, helm, tmp_path_factory):
    """Install the last release once, with three pods of the API."""
    helm.upgrade("production", chart=previous.chart(tmp_path_factory.mktemp("previous")))
    scale(kubectl, 3)
    return helm


def _selectors(kubectl):
    """Return how each object finds its pods, without what a release in progress adds."""
    found = {}
    for one in kubectl.items(KINDS, "-n", NAMESPACE):
        selector = dict(one["spec"]["selector"])
        selector.pop("rollouts-pod-template-hash", None)
        found[one["kind"], one["metadata"]["name"]] = selector
    return found


def _setup(kubectl):
    return kubectl.get("job/frontrow-setup", "-n", NAMESPACE)


def _image(kubectl):
    template = kubectl.get("rollout/frontrow-api", "-n", NAMESPACE)["spec"]["template"]
    return template["spec"]["containers"][0]["image"]


def test_an_upgrade_keeps_selectors_and_runs_setup_and_goes_back(kubectl, releases):
    selectors, setup, image = _selectors(kubectl), _setup(kubectl), _image(kubectl)
    releases.upgrade("production", *OTHER_IMAGE)
    after = _selectors(kubectl)
    assert {key: after[key] for key in selectors.keys() & after.keys()} == selectors
    assert _setup(kubectl)["metadata"]["uid"] != setup["metadata"]["uid"]
    assert _setup(kubectl)["status"]["succeeded"] == 1
    assert _image(kubectl) != image

    releases.rollback(1)
    assert _image(kubectl) == image
    assert _selectors(kubectl).items() >= selectors.items()
    assert wait_until(lambda: _phase(kubectl) == "Healthy", 90), _phase(kubectl)
    ready(kubectl, 3)


def _phase(kubectl):
    return kubectl.get("rollout/frontrow-api", "-n", NAMESPACE)["status"].get("phase")


@pytest.mark.control
def test_control_another_selector_is_refused(kubectl, releases, tmp_path):
    """What finds its pods by other labels can't take over those that are there."""
    chart = tmp_path / "frontrow"
    shutil.copytree(CHART, chart)
    names = chart / "templates" / "_names.tpl"
    kept = "app.kubernetes.io/instance: {{ .root.Release.Name }}\n"
    names.write_text(names.read_text().replace(kept, kept + "part-of: tickets\n", 1))
    with pytest.raises(Refused, match="immutable"):
        releases.upgrade("production", *OTHER_IMAGE, chart=chart)
    releases.rollback(1)
