"""The committed dashboards ask for what exists, in words that staff read."""

import json
import re
import subprocess
import sys

import pytest
import yaml

from observability import live
from observability.promql import family, labels_in, metrics_in
from tests.observability.rule_files import ROOT
from tests.observability.test_rules import DASHBOARDS, LABELS, known_metrics

FOLDER = ROOT / "observability" / "dashboards" / "json"
# Of panels alone: the kinds of what is counted.
PANEL_LABELS = LABELS | {"callable", "kind", "limit", "mode", "noticed_by", "route", "source"}


def test_the_files_are_what_the_modules_write():
    command = [sys.executable, "observability/sdk.py", "check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_seven_dashboards_in_both_languages():
    pages = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}
    assert set(pages) == DASHBOARDS
    for name, page in pages.items():
        assert page["uid"] == name
        assert "frontrow" in page["tags"]
        assert len(page["panels"]) > 8
        titles = [panel["title"] for panel in page["panels"]]
        assert [title for title in titles if not re.search(r"[가-힣]", title)] == [], name
        places = [tuple(panel["gridPos"].get(k, 0) for k in "xywh") for panel in page["panels"]]
        assert max(x + w for x, _, w, _ in places) <= 24, name
        assert len(set(places)) == len(places), name


def test_every_panel_asks_for_metrics_that_exist_and_labels_that_are_allowed():
    known = known_metrics()
    queries = list(live.panel_queries())
    assert len(queries) > 120
    for one in queries:
        assert {m for m in metrics_in(one.expression) if family(m) not in known} == set(), one
        assert labels_in(one.expression) <= PANEL_LABELS, one


def test_promtool_reads_every_query(promtool, tmp_path):
    rules = [
        {"record": f"panel:{number}", "expr": one.expression}
        for number, one in enumerate(live.panel_queries())
    ]
    page = tmp_path / "panels.yml"
    page.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", page)


def test_the_cockpit_shows_what_staff_watch():
    asked = " ".join(one.expression for one in live.panel_queries() if one.dashboard == "on-sale")
    wanted = (
        "waiting admitted mean_wait holds confirmed seats revenue payments budget opens expected"
    )
    assert [word for word in wanted.split() if word not in asked] == []


def test_what_may_be_empty_is_a_panel_and_has_a_reason():
    panels = {(one.dashboard, one.panel) for one in live.panel_queries()}
    assert set(live.MAY_BE_EMPTY) <= panels
    read = {m for one in live.panel_queries() for m in metrics_in(one.expression)}
    read |= {m for _, expression in live.rule_expressions() for m in metrics_in(expression)}
    for pattern, why in live.MAY_BE_ABSENT.items():
        assert why
        assert [name for name in read if re.fullmatch(pattern, name)], pattern


def test_without_a_prometheus_it_says_so(free_port):
    command = [sys.executable, "-m", "observability.live", "--url", f"http://127.0.0.1:{free_port}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "there is no Prometheus to ask" in done.stderr


@pytest.fixture
def free_port():
    from stack.service import free_ports

    return free_ports(1)[0]
