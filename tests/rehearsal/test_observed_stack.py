"""A stack with what observes it: everything is asked, and what happens is seen."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from observability import scaling
from stack.data_dir import default_data
from stack.profiles import HA, PLAIN
from stack.service import HOST, free_ports
from stack.settings import PORTS, SERVER_VARIABLES
from tests.support.waiting import await_that

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(900)
UP_SECONDS = 400  # of a machine that does other work, with downloads
TARGETS = {"plain": 22, "ha": 42}


class ObservedStack:
    """A stack of the given profile in a folder of its own, with `--observe`."""

    def __init__(self, folder: Path, profile: str, webhook: str) -> None:
        every = (*PORTS, *{"plain": PLAIN, "ha": HA}[profile].observed().ports)
        numbers = dict(zip((port.name for port in every), free_ports(len(every)), strict=True))
        (folder / "downloads").symlink_to(default_data() / "downloads")
        inherited = {
            k: v for k, v in os.environ.items() if k not in {*SERVER_VARIABLES, "METRIC_STATE"}
        }
        self.environment = {
            **{k: v for k, v in inherited.items() if not k.startswith("FRONTROW_")},
            **{port.variable: str(numbers[port.name]) for port in every},
            "FRONTROW_DATA": str(folder),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "ALERT_WEBHOOK_URL": webhook,
        }
        self.profile = profile
        self.gateway = f"http://{HOST}:{numbers['gateway']}"
        self.prometheus = f"http://{HOST}:{numbers['prometheus']}/api/v1"
        self.alertmanager = f"http://{HOST}:{numbers['alertmanager']}/api/v2"

    def stack(self, *words: str, seconds: int = 60) -> str:
        argv = [sys.executable, "-m", "stack", *words]
        done = subprocess.run(
            argv, cwd=ROOT, env=self.environment, capture_output=True, text=True,
            timeout=seconds, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> str:
        words = ("up", "--detach", "--observe", "--profile", self.profile)
        return self.stack(*words, seconds=UP_SECONDS)

    def targets(self) -> dict[str, str]:
        """Return the health of each target by job and instance."""
        answer = httpx.get(f"{self.prometheus}/targets", params={"state": "active"}).json()
        return {
            f"{one['labels']['job']}/{one['labels']['instance']}": one["health"]
            for one in answer["data"]["activeTargets"]
        }

    def values(self, query: str) -> dict[str, float]:
        """Return the values of a query by instance."""
        answer = httpx.get(f"{self.prometheus}/query", params={"query": query}).json()
        return {
            one["metric"].get("instance", ""): float(one["value"][1])
            for one in answer["data"]["result"]
        }


@pytest.fixture
def received():
    """The alerts that a webhook receiver has heard, and its URL."""
    heard: list[dict] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer((HOST, 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield heard, f"http://{HOST}:{server.server_port}/alerts"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["plain", "ha"])
def observed(request, received):
    with tempfile.TemporaryDirectory(prefix="frt-obs-") as name:
        Path(name).chmod(0o755)  # root's servers run as another user
        site = ObservedStack(Path(name), request.param, received[1])
        try:
            site.table = site.up()
            yield site
        finally:
            site.stack("reset", seconds=120)


def test_every_part_of_an_observed_stack_is_asked_and_answers(observed, received):
    assert "Prometheus" in observed.table
    await_that(lambda: set(observed.targets().values()) == {"up"}, "every target is up", seconds=90)
    assert len(observed.targets()) == TARGETS[observed.profile]
    # An exporter that is up may have lost what it asks.
    await_that(
        lambda: set(observed.values("redis_up").values()) == {1}, "Valkey is seen", seconds=30
    )
    assert set(observed.values("pg_up").values()) == {1}
    # On a standby with slots the exporter's own query of slots fails; pg_slot is ours.
    leads = "pg_exporter_last_scrape_error and on (instance) pg_leader_writable == 1"
    assert set(observed.values(leads).values()) == {0}
    assert set(observed.values("pg_exporter_user_queries_load_error").values()) == {0}
    servers = set(observed.values("pg_up"))
    for ours in ("pg_leader_writable", "pg_standby_receiving", "pg_sessions_clients"):
        assert set(observed.values(ours)) == servers
    assert sum(observed.values("pg_leader_writable").values()) == 1
    assert (
        sum(observed.values("kafka_controller_kafkacontroller_activecontrollercount").values()) == 1
    )
    assert observed.values("nginx_up") == {"nginx-exporter": 1}
    assert set(observed.values("min by (instance) (frontrow_collector_up)")) == {"state-metrics"}
    assert min(observed.values("min by (instance) (frontrow_collector_up)").values()) == 1

    # What pods are scaled by returns one number each, while the API is asked something.
    for number in range(200):
        httpx.get(f"{observed.gateway}/api/v1/concerts/?page={number}")
    for workload, queries in scaling.QUERIES.items():
        for trigger, query in queries.items():
            wanted = await_that(
                lambda query=query: observed.values(query), f"{workload}: {trigger}", seconds=60
            )
            assert list(wanted) == [""], (workload, trigger, wanted)
            assert 0 <= wanted[""] <= 60, (workload, trigger, wanted)
    assert observed.values(scaling.QUERIES["api"]["p95"])[""] >= 0.5

    # What ends is seen to end, and an alert leaves for the webhook.
    observed.stack("kill", "stream")
    await_that(
        lambda: observed.targets()["stream/stream"] == "down", "a dead part is seen", seconds=30
    )
    alert = {"labels": {"alertname": "Tried"}, "annotations": {}}
    httpx.post(f"{observed.alertmanager}/alerts", json=[alert]).raise_for_status()
    await_that(
        lambda: "Tried" in [one["labels"]["alertname"] for one in received[0]],
        "the webhook hears",
        seconds=30,
    )
