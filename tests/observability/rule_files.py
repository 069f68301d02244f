"""The rules of observability/rules and their tests, as read from their files."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "observability" / "rules"
RUNBOOK = ROOT / "docs" / "runbook-alerts.md"
ALERTED = re.compile(r'^count\(ALERTS\{alertname="(\w+)",alertstate="firing"\}\)$')


@cache
def rule_groups() -> dict[str, list[dict[str, Any]]]:
    """Return {group: its rules} of every file."""
    files = [yaml.safe_load(path.read_text()) for path in sorted(RULES.glob("*.yml"))]
    return {group["name"]: group["rules"] for one in files for group in one["groups"]}


def alerts() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return {alert: (its group, the rule)}."""
    return {
        rule["alert"]: (group, rule)
        for group, rules in rule_groups().items()
        for rule in rules
        if "alert" in rule
    }


def expressions() -> dict[str, str]:
    """Return {what the rule is called: its expression}, of alerts and recorded series."""
    return {
        f"{group} {rule.get('alert', rule.get('record'))} {rule.get('labels', {})}": rule["expr"]
        for group, rules in rule_groups().items()
        for rule in rules
    }


def recorded() -> set[str]:
    """Return the names of the series that rules record."""
    return {
        rule["record"] for rules in rule_groups().values() for rule in rules if "record" in rule
    }


def rule_cases() -> list[tuple[str, bool, set[str]]]:
    """Return (alert, whether it has to fire, the series given) of each case of the rule tests."""
    cases = []
    for path in sorted((RULES / "tests").glob("*.yml")):
        for run in yaml.safe_load(path.read_text())["tests"]:
            given = {one["series"].split("{")[0] for one in run["input_series"]}
            for case in run["promql_expr_test"]:
                if named := ALERTED.match(case["expr"]):
                    cases.append((named[1], bool(case["exp_samples"]), given))
    return cases


def anchor(heading: str) -> str:
    """Return the address of a heading, as the forges make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
