"""KEDA and Rollouts ask what observability/scaling.py and analysis.py say."""

import json
from pathlib import Path

from observability import analysis
from observability.scaling import QUERIES
from tests.delivery.objects import golden, of_kind

FILES = Path(__file__).parents[2] / "helm" / "frontrow" / "files"


def test_the_chart_has_the_queries():
    """`python -m observability.scaling > helm/frontrow/files/scaling.json` writes them."""
    assert json.loads((FILES / "scaling.json").read_text()) == QUERIES


def test_the_chart_has_what_a_release_is_judged_by():
    """`python -m observability.analysis > helm/frontrow/files/analysis.json` writes it."""
    assert json.loads((FILES / "analysis.json").read_text()) == analysis.document()


def test_each_measure_judges_a_release():
    templates = of_kind(golden(), "AnalysisTemplate")
    asked = {
        one["metadata"]["name"].removeprefix("frontrow-"): {
            metric["name"]: (
                metric["provider"]["prometheus"]["query"],
                float(metric["successCondition"].split()[-1]),
            )
            for metric in one["spec"]["metrics"]
        }
        for one in templates
    }
    wanted = {
        kind: {one.name: (one.query, one.at_most) for one in ones}
        for kind, ones in analysis.MEASURES.items()
    }
    requests = (analysis.REQUESTS, analysis.LEAST_REQUESTS)
    assert asked == {**wanted, "traffic": {"requests": requests}}


def test_each_query_scales_somebody():
    asked = {}
    for one in of_kind(golden(), "ScaledObject"):
        triggers = [each for each in one["spec"]["triggers"] if each["type"] == "prometheus"]
        found = {each["name"]: each["metadata"]["query"] for each in triggers}
        if found:
            asked[one["metadata"]["name"].removeprefix("frontrow-")] = found
    assert asked == QUERIES
