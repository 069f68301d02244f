"""gitops/ as it is committed: what Argo CD is given, and what it leaves to others."""

import copy
import re

import pytest
import yaml

from deploy.releases import APPS, ENVIRONMENTS
from deploy.tools.build import ROOT

GITOPS = ROOT / "gitops"


def application(environment):
    return yaml.safe_load((APPS / environment / "application.yaml").read_text())


def documents(path):
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def fields_left_alone(app):
    """Return what Argo CD neither compares nor writes, as words."""
    if "RespectIgnoreDifferences=true" not in app["spec"]["syncPolicy"]["syncOptions"]:
        return set()
    return {
        f"{one['kind']} {field}"
        for one in app["spec"].get("ignoreDifferences", [])
        for field in (*one.get("jsonPointers", []), *one.get("jqPathExpressions", []))
    }


OF_OTHERS = {
    "Rollout /spec/replicas",
    "Deployment /spec/replicas",
    "StatefulSet /spec/replicas",
    'Ingress .metadata.annotations["alb.ingress.kubernetes.io/actions.frontrow"]',
    'Service .spec.selector["rollouts-pod-template-hash"]',
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_replicas_and_weights_are_left_to_those_who_own_them(environment):
    assert fields_left_alone(application(environment)) == OF_OTHERS


@pytest.mark.control
def test_control_without_the_option_argo_would_write_them_back():
    app = copy.deepcopy(application("production"))
    app["spec"]["syncPolicy"]["syncOptions"].remove("RespectIgnoreDifferences=true")
    assert fields_left_alone(app) != OF_OTHERS


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_drifts_is_mended_and_nothing_is_pruned_without_a_word(environment):
    policy = application(environment)["spec"]["syncPolicy"]
    assert policy["automated"] == {"selfHeal": True, "prune": False}
    assert "Prune=confirm" in policy["syncOptions"]
    assert "PruneLast=true" in policy["syncOptions"]
    for one in documents(GITOPS / "bootstrap" / f"{environment}.yaml"):
        if one["kind"] == "Application":
            assert one["spec"]["syncPolicy"]["automated"] == {"selfHeal": True, "prune": False}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_chart_comes_by_its_tag_and_the_image_by_its_digest(environment):
    [chart, values] = application(environment)["spec"]["sources"]
    assert re.fullmatch(r"chart-\d+\.\d+\.\d+", chart["targetRevision"])
    assert [name.rpartition("/")[2] for name in chart["helm"]["valueFiles"]] == [
        f"values-{environment}.yaml",
        "values.yaml",
        "release.yaml",  # last: nothing overrides it
    ]
    assert values == {**values, "ref": "environment", "targetRevision": "main"}
    image = yaml.safe_load((APPS / environment / "release.yaml").read_text())["image"]
    assert set(image) == {"digest", "release"}
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", image["digest"])


@pytest.mark.parametrize("name", ["application.yaml", "values.yaml"])
def test_the_environments_differ_by_their_names_alone(name):
    texts = [
        re.sub(r"chart-\S+", "chart", (APPS / one / name).read_text().replace(one, "ENVIRONMENT"))
        for one in ENVIRONMENTS
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_frontrow_may_change_its_own_namespace_alone(environment):
    projects = {
        one["metadata"]["name"]: one["spec"]
        for one in documents(GITOPS / "bootstrap" / f"{environment}.yaml")
        if one["kind"] == "AppProject"
    }
    assert [one["namespace"] for one in projects["frontrow"]["destinations"]] == ["frontrow"]
    kinds = [one["kind"] for one in projects["frontrow"]["clusterResourceWhitelist"]]
    assert kinds == ["PriorityClass"]
    assert application(environment)["spec"]["project"] == "frontrow"


def test_the_operators_are_those_that_the_tests_run():
    operators = yaml.safe_load((GITOPS / "platform" / "values.yaml").read_text())["operators"]
    tools = ROOT / "deploy" / "tools"
    rollouts = re.search(
        r"github.com/argoproj/argo-rollouts (v\S+)",
        (tools / "argo-rollouts" / "go.mod").read_text(),
    )
    assert operators["argo-rollouts"]["values"]["controller"]["image"]["tag"] == rollouts[1]
    keda = re.search(r"kedacore/keda/v2 v(\S+)", (tools / "schemas" / "go.mod").read_text())
    assert operators["keda"]["version"] == keda[1]
