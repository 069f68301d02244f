"""Both environments as Argo CD would render them, by helm; `make delivery` runs these."""

import re

import pytest

from deploy.chart.rendering import CHART, KUBERNETES, helm
from deploy.releases import APPS, ENVIRONMENTS
from deploy.tools.build import ROOT
from release.asking import PROMETHEUS
from tests.delivery import network_rules, pod_rules, release_rules
from tests.delivery.objects import load, of_kind
from tests.delivery.rules import RULES

OF_RULES = (pod_rules, network_rules, release_rules)
WAVE = "argocd.argoproj.io/sync-wave"


def frontrow(environment):
    """Return the objects of the application, by the values files that it names."""
    files = [CHART / f"values-{environment}.yaml"]
    files += [APPS / environment / name for name in ("values.yaml", "release.yaml")]
    values = [word for file in files for word in ("--values", str(file))]
    words = ["--namespace", "frontrow", "--kube-version", KUBERNETES, *values]
    return load(helm("template", "frontrow", str(CHART), *words))


def platform(environment, *more):
    folder = ROOT / "gitops" / "platform"
    values = str(folder / f"{environment}.yaml")
    words = ["--kube-version", KUBERNETES, "--values", values, *more]
    return load(helm("template", "platform", str(folder), *words))


def wave(one):
    return int(one["metadata"]["annotations"][WAVE])


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_argo_renders_keeps_every_rule_of_the_chart(environment):
    objects = frontrow(environment)
    assert {name for name, rule in RULES.items() if list(rule(objects))} == set()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_it_runs_the_digest_of_the_release_file_from_its_own_registry(environment):
    [rollout] = of_kind(frontrow(environment), "Rollout")
    image = rollout["spec"]["template"]["spec"]["containers"][0]["image"]
    assert re.fullmatch(rf".+/frontrow-{environment}@sha256:[0-9a-f]{{64}}", image)
    assert "replicas" not in rollout["spec"]


def test_argo_leaves_alone_the_annotation_that_rollouts_writes():
    objects = frontrow("production")
    [rollout] = of_kind(objects, "Rollout")
    root = rollout["spec"]["strategy"]["canary"]["trafficRouting"]["alb"]["rootService"]
    text = (APPS / "production" / "application.yaml").read_text()
    assert f"alb.ingress.kubernetes.io/actions.{root}" in text


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_namespaces_come_before_operators_and_these_before_what_they_read(environment):
    objects = platform(environment)
    order = [
        max(wave(one) for one in of_kind(objects, kind))
        for kind in ("Namespace", "Role", "Application", "NodePool")
    ]
    assert order == sorted(order)
    assert min(wave(one) for one in of_kind(objects, "ClusterSecretStore")) > order[2]


def test_operators_come_by_an_exact_version_from_our_own_copies():
    operators = of_kind(platform("production"), "Application")
    assert {one["metadata"]["name"] for one in operators} >= {
        *("argo-rollouts", "keda", "external-secrets", "karpenter"),
        *("aws-load-balancer-controller", "kube-prometheus-stack"),
    }
    for one in operators:
        source = one["spec"]["source"]
        assert re.fullmatch(r"\d+\.\d+\.\d+", source["targetRevision"])
        assert source["repoURL"] == "registry.example/charts"


def test_metrics_are_copied_where_the_environment_says_so():
    def written(*words):
        [one] = [
            one["spec"]["source"]["helm"]["valuesObject"]["prometheus"]["prometheusSpec"]
            for one in of_kind(platform("production", *words), "Application")
            if one["metadata"]["name"] == "kube-prometheus-stack"
        ]
        assert one["replicas"] == 2
        return one.get("remoteWrite")

    assert written() is None
    assert written("--set", "prometheusEndpoint=https://aps.example/workspaces/1/") == [
        {
            "url": "https://aps.example/workspaces/1/api/v1/remote_write",
            "sigv4": {"region": "ap-northeast-2"},
        }
    ]


def test_every_claim_of_a_disk_names_a_class_that_is_there():
    classes = {one["metadata"]["name"] for one in of_kind(platform("production"), "StorageClass")}
    text = (ROOT / "gitops" / "platform" / "values.yaml").read_text()
    claims = re.findall(r"volumeClaimTemplate:\n +spec: \{(.*?)resources", text)
    assert claims
    assert {re.fullmatch(r"storageClassName: (\S+), ", one)[1] for one in claims} <= classes


def test_the_store_is_the_one_that_the_chart_names():
    [store] = of_kind(platform("production"), "ClusterSecretStore")
    for entry in of_kind(frontrow("production"), "ExternalSecret"):
        reference = entry["spec"]["secretStoreRef"]
        assert reference == {"kind": "ClusterSecretStore", "name": store["metadata"]["name"]}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_workflows_look_and_steer_and_read_no_secret(environment):
    for role in of_kind(platform(environment), "Role"):
        for rule in role["rules"]:
            assert "*" not in rule["verbs"] + rule["resources"] + rule["apiGroups"]
            assert "secrets" not in rule["resources"]
            if {"patch", "update"} & set(rule["verbs"]):
                assert rule["resources"] == ["rollouts", "rollouts/status"]


def test_workflows_ask_pods_and_prometheus_on_staging_alone():
    """Who may run something in a pod may read what it reads."""
    rights = {
        environment: {
            (role["metadata"]["namespace"], resource, *rule.get("resourceNames", []))
            for role in of_kind(platform(environment), "Role")
            for rule in role["rules"]
            for resource in rule["resources"]
        }
        for environment in ENVIRONMENTS
    }
    namespace, _, service = PROMETHEUS.partition("/")
    assert rights["staging"] - rights["production"] == {
        ("frontrow", "pods/exec"),
        (namespace, "services/proxy", service),
    }
    assert not [one for one in rights["production"] if one[1] in {"pods/exec", "services/proxy"}]
