"""What helm makes of the chart for every file of values; `make delivery` runs these."""

import pytest
import yaml

from deploy.chart import rendering
from deploy.chart.__main__ import conforms
from deploy.chart.rendering import ChartRefused, render
from tests.delivery import network_rules, plan_rules, pod_rules, release_rules
from tests.delivery.objects import all_pods, load, named, of_kind
from tests.delivery.rules import RULES

OF_RULES = (pod_rules, network_rules, release_rules, plan_rules)
# What an environment does without on purpose.
SPARED = {
    # One zone is enough, and there is no Prometheus to ask.
    "small": {"pods_are_spread_over_the_zones", "a_release_is_judged_all_the_way"},
    "kind-of-all": {"pods_are_spread_over_the_zones", "images_are_pinned"},  # loaded by hand
}


@pytest.fixture(scope="module")
def rendered():
    """Return the text that helm makes for an environment, made once."""
    made = {}

    def text(environment):
        if environment not in made:
            made[environment] = render(environment)
        return made[environment]

    return text


@pytest.mark.parametrize("environment", rendering.environments())
def test_every_rule_holds_in_every_environment(rendered, environment):
    broken = {name for name, rule in RULES.items() if list(rule(load(rendered(environment))))}
    assert broken == SPARED.get(environment, set())


def test_it_is_the_same_each_time(rendered):
    """What changes by itself would start pods again at each upgrade."""
    assert render("production") == rendered("production")


def test_two_releases_in_one_namespace_share_no_name(rendered):
    """But for what is named by values: the Secrets."""
    first = load(rendered("production"))
    second = load(render("production", release="other"))

    def names(objects):
        return {(one["kind"], one["metadata"]["name"]) for one in objects}

    assert {kind for kind, _ in names(first) & names(second)} == {"ExternalSecret"}
    assert len(first) == len(second)


def test_without_keda_pods_are_scaled_by_cpu(rendered):
    objects = load(rendered("small"))
    assert not of_kind(objects, "ScaledObject")
    assert len(of_kind(objects, "HorizontalPodAutoscaler")) == 9


def test_without_a_balancer_of_ours_releases_go_by_pods(rendered):
    objects = load(rendered("small"))
    assert not of_kind(objects, "Ingress")
    assert "trafficRouting" not in of_kind(objects, "Rollout")[0]["spec"]["strategy"]["canary"]


def at_once(*more):
    """Return production as it is released by colours."""
    preview = "release.previewHost=next.tickets.example"
    buyer = "test.concert=Frontrow,test.fan=smoke@tickets.example"
    values = f"release.plan=blueGreen,{preview},{buyer}"
    return load(render("production", "--set", values, *more))


def test_a_release_by_colours_keeps_the_rules():
    objects = at_once()
    assert {name for name, rule in RULES.items() if list(rule(objects))} == set()
    conforms(yaml.safe_dump_all(objects))


def test_a_release_by_colours_buys_before_anybody_meets_it():
    objects = at_once()
    plan = of_kind(objects, "Rollout")[0]["spec"]["strategy"]["blueGreen"]
    [template] = plan["prePromotionAnalysis"]["templates"]
    [metric] = named(objects, "AnalysisTemplate", template["templateName"])["spec"]["metrics"]
    command = metric["provider"]["job"]["spec"]["template"]["spec"]["containers"][0]["command"]
    assert "https://next.tickets.example" in command
    leads = {
        one["host"]: one["http"]["paths"][0]["backend"]["service"]["name"]
        for one in of_kind(objects, "Ingress")[0]["spec"]["rules"]
    }
    assert leads == {
        "next.tickets.example": plan["previewService"],
        "tickets.example": plan["activeService"],
    }
    # What is judged after the switch has an end: without one the old pods would stay for ever.
    for one in plan["postPromotionAnalysis"]["templates"]:
        metrics = named(objects, "AnalysisTemplate", one["templateName"])["spec"]["metrics"]
        assert {metric["count"] for metric in metrics} == {20}


@pytest.mark.control
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("monitoring.podMonitors=false", "it needs monitoring.podMonitors"),
        ("release.previewHost=next.tickets.example", "it needs test.concert"),
        ("release.plan=atOnce", "schema"),
        ("release.steps[0].percent=100", "schema"),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused(values, said):
    with pytest.raises(ChartRefused, match=said):
        render("production", "--set", values)


def test_staging_can_buy_a_ticket(rendered):
    (pod,) = of_kind(load(rendered("staging")), "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    assert pod["spec"]["containers"][0]["command"][:3] == ["python", "manage.py", "buy"]


def test_another_setting_starts_pods_again_and_another_size_does_not(rendered):
    before = load(rendered("production"))
    other = load(render("production", "--set", "config.LOG_LEVEL=DEBUG"))
    larger = load(render("production", "--set", "api.maxReplicas=80"))

    def marks(objects):
        return {one.component: one.metadata.get("annotations") for one in all_pods(objects)}

    assert marks(before)["api"] != marks(other)["api"]
    assert marks(before)["stream"] == marks(other)["stream"]  # it reads none of them
    assert marks(before) == marks(larger)


@pytest.mark.control
@pytest.mark.parametrize(
    "values",
    ["apis.minReplicas=3", "api.resources.limits.cpu=2", "routing.mode=nginx", "image.tag=latest"],
)
def test_helm_refuses_nonsense(values):
    with pytest.raises(ChartRefused, match="schema"):
        render("production", "--set", values)


def test_an_image_that_nobody_named_is_refused():
    with pytest.raises(ChartRefused, match=r"image\.digest"):
        render("production", "--set", "image.digest=")


@pytest.mark.control
@pytest.mark.parametrize(
    ("kind", "before", "after", "said"),
    [
        ("ScaledObject", "currentReplicasIfHigher", "nonsense", "behavior"),
        ("Rollout", "dynamicStableScale: false", "dynamicStableScales: false", "dynamicStable"),
        ("PodDisruptionBudget", "maxUnavailable", "maxUnavailables", "maxUnavailables"),
        ("NetworkPolicy", "policyTypes:", "policyType:", "policyType"),
        ("ExternalSecret", "creationPolicy: Orphan", "creationPolicy: Nobody", "creationPolicy"),
        ("Ingress", "kind: Ingress", "kind: Egress", "could not find schema"),
        ("Deployment", "replicas: 1", "replicas: one", "replicas"),
    ],
)
def test_kubeconform_refuses_what_is_no_such_object(rendered, kind, before, after, said):
    text = rendered("production")
    documents = [one for one in text.split("\n---\n") if f"kind: {kind}\n" in one and before in one]
    conforms(documents[0])
    with pytest.raises(ChartRefused, match=said):
        conforms(documents[0].replace(before, after))


def test_the_name_of_a_release_may_be_long(rendered):
    objects = load(render("production", release="f" * 53))
    assert all(len(one["metadata"]["name"]) <= 63 for one in objects)
    assert named(objects, "Service", "f" * 40)
