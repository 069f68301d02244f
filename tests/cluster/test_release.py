"""A release of production in a cluster of three zones: its pods come, spread, move and stay."""

import pytest

from deploy.cluster import contents
from deploy.cluster.kubectl import Refused
from stack.process import wait_until
from tests.cluster.watching import NAMESPACE, by_zone, leaving, pods, ready, refusals, scale
from tests.delivery.objects import COMPONENT, lasting, of_kind
from tests.delivery.pod_rules import ZONE


def test_every_component_runs_and_nothing_was_refused(kubectl, release, rendered):
    for one in lasting(rendered):
        wanted = one.owner["spec"].get("replicas", 1)
        assert len(ready(kubectl, wanted, one.component)) == wanted
    assert refusals(kubectl) == []
    found = kubectl.items("rollouts,statefulsets,deployments,cronjobs", "-n", NAMESPACE)
    assert len(found) == len(of_kind(rendered, *{one["kind"] for one in found})) > 10


def test_the_database_was_set_up_before(kubectl, release):
    job = kubectl.get("job/frontrow-setup", "-n", NAMESPACE)
    assert job["status"]["succeeded"] == 1
    first = min(one["metadata"]["creationTimestamp"] for one in pods(kubectl, "api"))
    assert job["status"]["completionTime"] <= first


@pytest.mark.parametrize("count", [3, 24, 60])
def test_pods_find_nodes_and_zones_have_as_many(kubectl, release, count):
    found = scale(kubectl, count)
    zones = by_zone(found)
    assert set(zones.values()) == {count // 3}
    assert len(zones) == 3


@pytest.mark.control
def test_control_pods_without_a_spread_pile_up(kubectl, release, unguarded):
    """Where one zone is liked best, only the spread brings pods to the others."""
    spread = _bare_pods(kubectl, "spread")
    assert by_zone(_placed(kubectl, unguarded, spread)) == dict.fromkeys(contents.ZONES, 4)
    unspread = _bare_pods(kubectl, "unspread")
    for one in unspread:
        del one["spec"]["topologySpreadConstraints"]
    assert by_zone(_placed(kubectl, unguarded, unspread)) == {contents.ZONES[0]: 12}


@pytest.fixture
def unguarded(kubectl):
    """Return a namespace that takes pods as they come."""
    name = "unguarded"
    kubectl.apply([contents.namespace(name, restricted=False)])
    yield name
    kubectl.run("delete", "namespace", name, "--wait=false")


def _bare_pods(kubectl, name):
    """Return twelve pods as the API's are, that would rather be in the first zone."""
    template = kubectl.get("rollout/frontrow-api", "-n", NAMESPACE)["spec"]["template"]
    labels = template["metadata"]["labels"] | {"app.kubernetes.io/instance": name}
    spec = {key: value for key, value in template["spec"].items() if key != "serviceAccountName"}
    for one in spec["topologySpreadConstraints"]:
        one["labelSelector"] = {"matchLabels": labels}
    first = {"key": ZONE, "operator": "In", "values": [contents.ZONES[0]]}
    liked = {"weight": 100, "preference": {"matchExpressions": [first]}}
    spec["affinity"] = {
        "nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [liked]}
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{name}-{number}", "labels": labels},
            "spec": dict(spec),
        }
        for number in range(12)
    ]


def _placed(kubectl, namespace, made):
    names = [f"pod/{one['metadata']['name']}" for one in made]
    kubectl.apply(made, "--namespace", namespace)
    kubectl.run("wait", "--for=condition=Ready", "--timeout=60s", "-n", namespace, *names)
    return kubectl.items("-n", namespace, *names)


def test_a_zone_goes_and_its_pods_come_elsewhere(kubectl, release):
    gone = contents.ZONES[2]
    scale(kubectl, 24)
    kubectl.run("delete", *(f"node/{one['metadata']['name']}" for one in contents.nodes(gone)))
    try:
        assert wait_until(
            lambda: gone not in by_zone(pods(kubectl, "api")) and len(pods(kubectl, "api")) == 24,
            180,
            every=1,
        )
        assert by_zone(ready(kubectl, 24)) == {contents.ZONES[0]: 12, contents.ZONES[1]: 12}
    finally:
        kubectl.join(contents.nodes(gone))
        kubectl.run("wait", "--for=condition=Ready", "--timeout=60s", "nodes", "--all")


def test_draining_a_node_takes_no_more_than_the_budget(cluster, kubectl, release):
    """Nobody becomes ready while kwok is frozen, so a tenth of 20 pods goes, and no third."""
    scale(kubectl, 3)
    spare = [contents.nodes(zone)[2:] for zone in contents.ZONES]
    kubectl.run("cordon", *(one["metadata"]["name"] for zone in spare for one in zone))
    budget = ("pdb/frontrow-api", "-n", NAMESPACE)
    drain = ("--ignore-daemonsets", "--delete-emptydir-data")
    try:
        where = [one["spec"]["nodeName"] for one in scale(kubectl, 20)]
        node = max(where, key=where.count)
        assert where.count(node) > 2
        assert wait_until(lambda: kubectl.get(*budget)["status"]["disruptionsAllowed"] == 2, 60)
        with cluster.frozen("kwok"):
            only = f"--pod-selector={COMPONENT}=api"
            with pytest.raises(Refused, match="disruption budget"):
                kubectl.run("drain", node, only, "--timeout=12s", *drain)
            assert len(leaving(kubectl, "api")) == 2
        ready(kubectl, 20)
        kubectl.run("drain", node, "--timeout=60s", *drain)
        assert node not in {one["spec"]["nodeName"] for one in ready(kubectl, 20)}
    finally:
        every = [one["metadata"]["name"] for zone in contents.ZONES for one in contents.nodes(zone)]
        kubectl.run("uncordon", *every)


@pytest.mark.control
def test_control_without_a_budget_all_pods_of_a_node_go(cluster, kubectl, release):
    where = [one["spec"]["nodeName"] for one in scale(kubectl, 60)]
    node = max(where, key=where.count)
    assert where.count(node) > 2
    kubectl.run("delete", "pdb/frontrow-api", "-n", NAMESPACE)
    only = (f"--pod-selector={COMPONENT}=api", "--delete-emptydir-data")
    try:
        with cluster.frozen("kwok"):
            with pytest.raises(Refused, match="evicting pod"):
                kubectl.run("drain", node, "--timeout=8s", *only)
            assert len(leaving(kubectl, "api")) == where.count(node)
    finally:
        kubectl.run("uncordon", node)
        release.upgrade("production")
