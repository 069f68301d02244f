"""Ask a running Prometheus every panel's query: `python -m observability.live [--url URL]`.

Each must return data of a small sale in the last ten minutes, as a page shows it, or be in
MAY_BE_EMPTY with its reason; each metric that a rule reads must be there, or be in MAY_BE_ABSENT.
Exit 1 names what is missing, 2 says that there is no Prometheus to ask.
"""

import argparse
import json
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from observability.promql import family, metrics_in

FOLDER = Path(__file__).parent
DEFAULT = "http://127.0.0.1:9090"
SHOWN_SECONDS, STEP = 600, "15s"

# Metrics with no series on a stack that is well, young, or has no spare parts: pattern, and why.
MAY_BE_ABSENT = {
    r"redis_cluster_.*|redis_master_link_up": "the plain stack has no cluster and no replica",
    r"frontrow_backup_.*": "nobody has taken or listed a backup on a stack without a bucket",
    r"frontrow_certificate_.*": "a local stack has no certificate",
    r"frontrow_sale_opens_seconds|frontrow_expected_fans": "no sale is to come",
    r"slo:.*|promise:.*|sale:.*|kafka:.*|valkey:.*|security:.*|db:.*|site:.*": "recorded by rules",
    r"frontrow_failovers_total": "nothing has failed over",
    r"pg_rows_.*": "no table is large",
    r"pg_slot_.*": "a server without standbys has no slot",
    r"frontrow_consumer_(retries|parked).*|frontrow_refunds_total": "no event failed, no refund",
    r"frontrow_(rate_limited|function_limited|relay_failures|part_failures)_total": "none was",
    r"frontrow_(holds_expired|webhook_tries|notifications|security_events)_total": "none yet",
    r"frontrow_(idempotency_conflicts|points_charges|clock_jumps)_total": "none yet",
    r"frontrow_stream_refused_total|frontrow_queue_joins_refused_total": "nobody was refused",
    r"frontrow_breaker_open": "no breaker has opened",
    r"stamina_retries_total": "no call was retried",
    r"nginx_.*": "no gateway where nginx can't be had",
    r"kafka_.*": "no Kafka where Java can't be had",
}
# Panels whose expression compares or divides by what may not be yet.
MAY_BE_EMPTY = {
    ("postgresql", "Statements: p99, and a week ago"): "there is no week ago",
    ("postgresql", "Archive and backup"): "nothing is backed up to a stack without a storage",
    ("valkey", "Memory"): "a server without a limit shows none",
    ("valkey", "Fragmentation where it matters"): "no server uses enough memory to matter",
}


@dataclass(frozen=True)
class PanelQuery:
    """A query of a panel; `expression` with the choices of the page made."""

    dashboard: str
    panel: str
    expression: str
    of_now: bool  # a figure; a graph shows what was, too


class Unreachable(Exception):
    """There is no Prometheus at this address."""


def panel_queries() -> Iterator[PanelQuery]:
    """Yield every query of the committed dashboards."""
    for path in sorted((FOLDER / "dashboards" / "json").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                chosen = target["expr"].replace("$performance", ".*")
                title = panel["title"].split(" · ")[0]
                yield PanelQuery(path.stem, title, chosen, bool(target.get("instant")))


def rule_expressions() -> Iterator[tuple[str, str]]:
    """Yield the name and the expression of every rule."""
    for path in sorted((FOLDER / "rules").glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield rule.get("alert") or rule["record"], rule["expr"]


def ask(url: str, path: str, **parameters: str) -> Any:
    """Return `data` of the reply. Raises Unreachable, and ValueError for a refused query."""
    address = f"{url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
    if not address.startswith(("http://", "https://")):
        raise Unreachable(url)
    try:
        with urllib.request.urlopen(address, timeout=20) as response:  # noqa: S310  (checked above)
            return json.load(response)["data"]
    except urllib.error.HTTPError as error:
        raise ValueError(json.load(error).get("error", str(error))) from error
    except (OSError, ValueError, KeyError) as error:
        raise Unreachable(f"{url}: {error}") from error


def missing(url: str) -> list[str]:
    """Return a line for each panel without data and each metric of a rule without series."""
    there = {family(name) for name in ask(url, "label/__name__/values")}
    found = []
    for one in panel_queries():
        if _has_data(url, one):
            continue
        absent = {name for name in metrics_in(one.expression) if family(name) not in there}
        if (one.dashboard, one.panel) in MAY_BE_EMPTY or any(map(_reason, absent)):
            continue
        found.append(f"{one.dashboard}: {one.panel}: no data: {one.expression}")
    for name, expression in rule_expressions():
        absent = {one for one in metrics_in(expression) if family(one) not in there}
        found += [f"rule {name}: no metric {one}" for one in sorted(absent) if not _reason(one)]
    return found


def _has_data(url: str, panel: PanelQuery) -> bool:
    """Ask as the page does: for now, or for the last minutes."""
    if panel.of_now:
        return bool(ask(url, "query", query=panel.expression)["result"])
    now = time.time()
    span = {"start": f"{now - SHOWN_SECONDS:.0f}", "end": f"{now:.0f}", "step": STEP}
    return bool(ask(url, "query_range", query=panel.expression, **span)["result"])


def _reason(metric: str) -> str:
    """Return why a metric may have no series, or nothing."""
    fitting = (why for names, why in MAY_BE_ABSENT.items() if re.fullmatch(names, metric))
    return next(fitting, "")


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m observability.live", description=__doc__)
    parser.add_argument("--url", default=DEFAULT, help=f"of Prometheus (default {DEFAULT})")
    url = parser.parse_args().url.rstrip("/")
    try:
        found = missing(url)
    except Unreachable as error:
        print(f"there is no Prometheus to ask at {error}", file=sys.stderr)
        return 2
    print("\n".join(found) or f"{len(list(panel_queries()))} queries returned data, or may not")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
