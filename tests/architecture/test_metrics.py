"""Every metric and every label of the product stands in docs/metrics.md."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from tests.architecture.test_code_rules import product_sources

PAGE = (Path(settings.BASE_DIR) / "docs" / "metrics.md").read_text()
KINDS = {"Counter", "Gauge", "Histogram", "CounterMetricFamily", "GaugeMetricFamily"}


def declared() -> Iterator[tuple[str, str, list[str]]]:
    """Yield kind, name and labels of each metric that the product declares."""
    for _, tree in product_sources():
        lists = {
            ast.unparse(node.targets[0]): node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.List)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or ast.unparse(node.func) not in KINDS:
                continue
            if not (node.args and isinstance(node.args[0], ast.Constant)):
                continue  # collections.Counter
            given = [*node.args[2:], *(one.value for one in node.keywords if one.arg == "labels")]
            labels = [lists.get(ast.unparse(one), one) for one in given]
            found = next((ast.literal_eval(one) for one in labels if isinstance(one, ast.List)), [])
            yield ast.unparse(node.func), ast.literal_eval(node.args[0]), found


def test_every_metric_is_documented_with_its_labels():
    found = list(declared())
    assert len(found) > 30
    for kind, name, labels in found:
        full = f"{name}_total" if kind == "Counter" and not name.endswith("_total") else name
        row = re.search(rf"(?:\| |of )\**`{full}`\**(?: {{([a-z_, ]*)}})?", PAGE)
        assert row is not None, full
        assert (row[1] or "").split(", ") == (labels or [""]), full


def test_every_label_is_explained_with_its_values():
    section = PAGE.split("## Labels", maxsplit=1)[-1]
    for label in sorted({label for _, _, labels in declared() for label in labels}):
        assert f"| `{label}` |" in section, label
