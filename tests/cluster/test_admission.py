"""The API server takes every object of every environment, and refuses what breaks a rule."""

from copy import deepcopy

import pytest

from deploy.chart import rendering
from deploy.cluster.kubectl import Refused
from tests.delivery.objects import all_pods, golden, lasting, load, of_kind, pods_of


def _dry_run(kubectl, namespace, objects):
    """Let the API server decide on objects and keep none of them; a warning is a refusal."""
    more = ("--namespace", namespace, "--dry-run=server", "--warnings-as-errors")
    return kubectl.apply(objects, *more)


def _pod(pods):
    """Return a pod as its owner would make it."""
    labels = pods.metadata["labels"]
    metadata = {"name": f"tried-{pods.component}", "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": deepcopy(pods.spec)}


@pytest.fixture(scope="module")
def supported(kubectl, namespace):
    """Make what pods name and admission looks up: accounts and priority classes."""
    kinds = of_kind(golden(), "ServiceAccount", "PriorityClass")
    kubectl.apply(kinds, "--namespace", namespace)
    yield
    classes = [one["metadata"]["name"] for one in of_kind(kinds, "PriorityClass")]
    kubectl.run("delete", "priorityclass", *classes)


@pytest.mark.parametrize("environment", rendering.environments())
def test_the_api_server_takes_every_object(kubectl, namespace, supported, environment):
    rendered = rendering.render(environment)
    said = _dry_run(kubectl, namespace, rendered).splitlines()
    assert len(said) == rendered.count("\nkind: ") > 50
    assert all(line.endswith("(server dry run)") for line in said)


def test_what_comes_in_all_at_once_is_taken_too(kubectl, namespace, supported):
    plan = "release.plan=blueGreen,release.previewHost=next.tickets.example"
    buyer = "test.concert=Frontrow,test.fan=smoke@tickets.example"
    objects = load(rendering.render("production", "--set", f"{plan},{buyer}"))
    kubectl.apply(of_kind(objects, "ServiceAccount"), "--namespace", namespace)
    assert len(_dry_run(kubectl, namespace, objects).splitlines()) == len(objects)
    [purchase] = [one for one in all_pods(objects) if one.owner["kind"] == "AnalysisTemplate"]
    _dry_run(kubectl, namespace, [_pod(purchase)])


def test_every_pod_of_production_is_admitted(kubectl, namespace, supported):
    """A workload's pods are looked at when they are made, not before."""
    made = [_pod(one) for one in all_pods(golden())]
    assert len(_dry_run(kubectl, namespace, made).splitlines()) == len(made) >= 15


@pytest.mark.control
@pytest.mark.parametrize(
    ("kind", "before", "after", "said"),
    [
        ("ScaledObject", "currentReplicasIfHigher", "nonsense", 'Unsupported value: "nonsense"'),
        ("PodDisruptionBudget", "AlwaysAllow", "Sometimes", "unhealthyPodEvictionPolicy"),
        ("NetworkPolicy", "protocol: TCP", "protocol: HTTP", "protocol"),
        ("Ingress", "pathType: Prefix", "pathType: Suffix", "pathType"),
        ("ExternalSecret", "creationPolicy: Orphan", "creationPolicy: Nobody", "creationPolicy"),
        ("Rollout", "dynamicStableScale:", "dynamicStableScales:", "dynamicStableScales"),
        ("PodMonitor", "podMetricsEndpoints:", "podMetricEndpoints:", "podMetricEndpoints"),
    ],
)
def test_control_a_wrong_word_is_refused(kubectl, namespace, kind, before, after, said):
    documents = rendering.render("production").split("\n---\n")
    text = next(one for one in documents if f"kind: {kind}\n" in one and before in one)
    _dry_run(kubectl, namespace, text)
    with pytest.raises(Refused, match=said):
        _dry_run(kubectl, namespace, text.replace(before, after))


def _privileged(pods):
    pods.main["securityContext"]["privileged"] = True


def _as_root(pods):
    pods.spec["securityContext"] = {}


def _unspread(pods):
    del pods.spec["topologySpreadConstraints"]


def _unlimited(pods):
    del pods.main["resources"]["limits"]


def _slowed(pods):
    pods.main["resources"]["limits"]["cpu"] = "2"


@pytest.mark.control
@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (_privileged, "privileged"),
        (_as_root, "runAsNonRoot"),
        (_unspread, "not spread over the zones"),
        (_unlimited, "no limit of memory"),
        (_slowed, "a limit of CPU"),
    ],
)
@pytest.mark.parametrize("component", ["api", "worker-relay"])
def test_control_a_pod_that_breaks_a_rule_is_refused(
    kubectl, namespace, supported, component, breaks, said
):
    pods = pods_of(golden(), component)
    breaks(pods)
    with pytest.raises(Refused, match=said):
        _dry_run(kubectl, namespace, [_pod(pods)])


def test_control_pods_that_last_are_those_that_the_guard_means(kubectl, namespace, supported):
    """One of each, unspread: none gets in."""
    for pods in lasting(golden()):
        _unspread(pods)
        with pytest.raises(Refused, match="not spread"):
            _dry_run(kubectl, namespace, [_pod(pods)])
