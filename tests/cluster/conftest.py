"""Fixtures of a cluster: a real control plane, and releases of the chart in it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.chart import rendering
from deploy.cluster import contents
from deploy.cluster.cluster import Cluster
from deploy.cluster.helm import Helm
from deploy.cluster.kubectl import Kubectl
from tests.cluster.judging import Releases, judged
from tests.cluster.watching import NAMESPACE
from tests.delivery.objects import Object, load


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Return a cluster of this session alone; CLUSTER_DATA names a folder where one runs on."""
    kept = os.environ.get("CLUSTER_DATA")
    with tempfile.TemporaryDirectory(prefix="frontrow-cluster-") as folder:
        one = Cluster(Path(kept or folder))
        one.up()
        yield one
        if not kept:
            one.down()


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    """Return the way of somebody who may do everything."""
    return cluster.kubectl


@pytest.fixture(scope="module")
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """Return an empty namespace that admits by the restricted profile and by the guards."""
    kubectl.apply([contents.namespace(NAMESPACE)])
    yield NAMESPACE
    kubectl.run("delete", "namespace", NAMESPACE, "--wait", "--timeout=120s", seconds=150)


@pytest.fixture(scope="module")
def helm(kubectl: Kubectl, namespace: str) -> Iterator[Helm]:
    """Return a release that a module may install; it is taken out at the end."""
    one = Helm(kubectl, namespace)
    yield one
    one.uninstall()


@pytest.fixture(scope="module")
def release(helm: Helm) -> Helm:
    """Install production once; the tests of a module share it."""
    helm.upgrade("production")
    return helm


@pytest.fixture(scope="module")
def installed(kubectl: Kubectl, helm: Helm) -> Iterator[Releases]:
    """Install a release that a double of Prometheus judges; a module's tests share it."""
    with judged(kubectl, helm) as one:
        yield one


@pytest.fixture
def releases(installed: Releases) -> Iterator[Releases]:
    """Return a stable release with nothing wrong; what a test broke is well again after it."""
    with installed.well_again() as one:
        yield one


@pytest.fixture(scope="module")
def rendered() -> list[Object]:
    """Return production's objects as they are installed."""
    return load(rendering.render("production"))
