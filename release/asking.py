"""Who knows what runs: Prometheus and a process of the release, reached from here or by kubectl."""

import json
import subprocess
import sys
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.cluster.kubectl import Kubectl, Refused
from observability import live
from release.verify import CannotAsk, Migrations, Query

ROOT = Path(__file__).resolve().parent.parent
# The operator's service of every Prometheus (gitops/platform).
PROMETHEUS = "monitoring/prometheus-operated:9090"
# Light, always one, and of the release like every other.
_POD = "deployment/frontrow-state-metrics"
_SECONDS = 120
# Run by the release's own code, which knows its migrations.
_PROGRAM = """
import json, os, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
django.setup()
from django.db import connections
from django.db.migrations.loader import MigrationLoader
found = {}
for alias in ("default", "idempotency"):
    loader = MigrationLoader(connections[alias])
    applied, known = set(loader.applied_migrations), set(loader.disk_migrations)
    known |= {name for one in loader.disk_migrations.values() for name in one.replaces}
    found[alias] = {
        "pending": sorted(".".join(one) for one in set(loader.graph.nodes) - applied),
        "unknown": sorted(".".join(one) for one in applied - known),
    }
print(json.dumps(found))
"""


def prometheus(url: str) -> Query:
    """Return what asks a Prometheus at a URL."""

    def query(words: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = live.ask(url, "query", query=words)["result"]
        except (live.Unreachable, ValueError) as error:
            raise CannotAsk(f"Prometheus: {error}") from error
        return found

    return query


def prometheus_in(kubectl: Kubectl, service: str = PROMETHEUS) -> Query:
    """Return what asks a cluster's Prometheus; `service` is NAMESPACE/NAME:PORT."""
    namespace, _, name = service.partition("/")
    base = f"/api/v1/namespaces/{namespace}/services/{name}/proxy/api/v1/query"

    def query(words: str) -> list[dict[str, Any]]:
        try:
            path = f"{base}?{urllib.parse.urlencode({'query': words})}"
            said = json.loads(kubectl.run("get", "--raw", path, seconds=_SECONDS))
            found: list[dict[str, Any]] = said["data"]["result"]
        except (Refused, ValueError, KeyError) as error:
            raise CannotAsk(f"Prometheus: {_last(str(error))}") from error
        return found

    return query


def migrations_here(environment: Mapping[str, str], root: Path = ROOT) -> Migrations:
    """Return what asks the code below `root`, with the servers of `environment`."""

    def ask() -> dict[str, dict[str, list[str]]]:
        try:
            done = subprocess.run(
                [sys.executable, "-c", _PROGRAM],
                cwd=root,
                env=dict(environment),
                capture_output=True,
                text=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise CannotAsk(f"migrations: no answer in {_SECONDS} s") from None
        if done.returncode:
            raise CannotAsk(f"migrations: {_last(done.stderr)}")
        return _found(done.stdout)

    return ask


def migrations_in(kubectl: Kubectl, namespace: str) -> Migrations:
    """Return what asks a pod of the release."""

    def ask() -> dict[str, dict[str, list[str]]]:
        words = ("exec", _POD, "--namespace", namespace, "--", "python", "-c", _PROGRAM)
        try:
            return _found(kubectl.run(*words, seconds=_SECONDS))
        except Refused as refused:
            raise CannotAsk(f"migrations: {_last(str(refused))}") from refused

    return ask


def _found(said: str) -> dict[str, dict[str, list[str]]]:
    try:
        found: dict[str, dict[str, list[str]]] = json.loads(_last(said))
    except ValueError as error:
        raise CannotAsk(f"migrations: {_last(said)}") from error
    return found


def _last(words: str) -> str:
    return (words.strip().splitlines() or ["nothing"])[-1]
