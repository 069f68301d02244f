"""KEDA asks what observability/scaling.py says, of those who are there to be scaled."""

import json
from pathlib import Path

from observability.scaling import QUERIES
from tests.delivery.objects import golden, of_kind

FILES = Path(__file__).parents[2] / "helm" / "frontrow" / "files"


def test_the_chart_has_the_queries():
    """`python -m observability.scaling > helm/frontrow/files/scaling.json` writes them."""
    assert json.loads((FILES / "scaling.json").read_text()) == QUERIES


def test_each_query_scales_somebody():
    asked = {}
    for one in of_kind(golden(), "ScaledObject"):
        triggers = [each for each in one["spec"]["triggers"] if each["type"] == "prometheus"]
        found = {each["name"]: each["metadata"]["query"] for each in triggers}
        if found:
            asked[one["metadata"]["name"].removeprefix("frontrow-")] = found
    assert asked == QUERIES
