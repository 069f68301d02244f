"""Promises of every process without pages: whether it lives, has started and is ready."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from events import runtime
from kernel.telemetry import health as health_module
from kernel.telemetry import process_health
from kernel.telemetry.health import Health
from stack.service import HOST, free_ports
from tests.support.children import await_children_gone, child_environment
from tests.support.waiting import await_that

ROOT = Path(__file__).resolve().parents[2]
CELERY = ("-m", "celery", "-A", "config.celery", "--quiet")
WORKER = (*CELERY, "worker", "-n", "general@%h", "-Q", "unheard-of", "-P", "threads", "-c", "1")
# By process: its command and the variable that gives its port; {port} where its command has it.
PROCESSES = {
    "fastpath": (("-m", "fastpath", "--port", "{port}"), ""),
    "worker": ((*WORKER, "--without-gossip", "--without-mingle"), "WORKER_METRICS_PORTS"),
    "beat": ((*CELERY, "beat", "--pidfile=", "-s", "{folder}/schedule"), "BEAT_METRICS_PORT"),
    "consumers": (("manage.py", "consume"), "CONSUMER_METRICS_PORT"),
    "state-metrics": (("manage.py", "state_metrics", "--port", "{port}"), ""),
}


class Asked:
    """A process that is asked on its port."""

    def __init__(self, port: int) -> None:
        self._url = f"http://{HOST}:{port}"

    def says(self, path: str) -> tuple[int, str]:
        """Return the status and the reason of a refusal; (0, "") while nobody listens."""
        try:
            response = httpx.get(self._url + path, trust_env=False, timeout=30)
        except httpx.TransportError:
            return 0, ""
        assert response.headers["content-type"] == "application/json"
        return response.status_code, response.json().get("reason", "")

    def metrics(self) -> str:
        return httpx.get(f"{self._url}/metrics", trust_env=False, timeout=30).text


@contextmanager
def running(name: str, folder: Path) -> Iterator[Asked]:
    """Run a process whose drain file would be `drain` in the folder."""
    argv, variable = PROCESSES[name]
    [port] = free_ports(1)
    own = {variable: f"general={port}" if "PORTS" in variable else str(port)} if variable else {}
    environment = child_environment(
        DJANGO_SETTINGS_MODULE="config.settings.test", DRAIN_FILE=str(folder / "drain"), **own
    )
    words = [word.format(port=port, folder=folder) for word in argv]
    child = subprocess.Popen([sys.executable, *words], env=environment, cwd=ROOT)
    try:
        asked = Asked(port)
        live = process_health.LIVE
        await_that(lambda: asked.says(live)[0] == 200, f"{name} lives", seconds=240)
        yield asked
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(120)
        finally:
            child.kill()
            child.wait()
            await_children_gone()


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_lives_has_started_and_is_ready_until_it_drains(name, tmp_path):
    with running(name, tmp_path) as asked:
        await_that(lambda: asked.says(process_health.STARTUP) == (200, ""), "started", seconds=60)
        await_that(lambda: asked.says(process_health.READY) == (200, ""), "it is ready", seconds=60)
        (tmp_path / "drain").touch()
        await_that(lambda: asked.says(process_health.READY) == (503, "draining"), "it drains")
        assert asked.says(process_health.LIVE) == (200, "")
        assert asked.says(process_health.STARTUP) == (200, "")
        if name != "fastpath":  # which has a port of its own for them
            assert "process_cpu_seconds_total" in asked.metrics()


@pytest.mark.parametrize("name", ["fastpath", "worker"])
def test_a_process_on_a_database_of_an_earlier_release_has_not_started(name, tmp_path, db_ready):
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("statistics", "0002_holds_and_points")
    try:
        with running(name, tmp_path) as asked:
            assert asked.says(process_health.STARTUP) == (503, "starting")
            assert asked.says(process_health.READY) == (503, "starting")
            recorder.record_applied("statistics", "0002_holds_and_points")
            await_that(lambda: asked.says(process_health.STARTUP)[0] == 200, "started", seconds=60)
    finally:
        recorder.record_applied("statistics", "0002_holds_and_points")


@pytest.fixture
def health(monkeypatch) -> Health:
    """What a process that has started would look at, each time it is asked."""
    monkeypatch.setattr(health_module, "CACHE_SECONDS", 0)
    health = Health(("primary", "clock"))
    await_that(health.has_started, "it has started", seconds=60)
    return health


def test_readiness_of_a_process_looks_at_the_primary_and_no_other_part(health, parts, settings):
    assert set(health.report().dependencies) == {"primary", "clock"} < set(settings.HEALTH_PARTS)
    parts.part("queue").stop()
    try:
        assert process_health.answer(process_health.READY, health=health)[0] == 200
    finally:
        parts.part("queue").start()


@pytest.mark.parametrize(("limit", "status"), [(60, 200), (0, 503)])
def test_a_process_without_its_primary_is_not_ready_past_the_limit(
    health, monkeypatch, settings, limit, status
):
    def unavailable(*, now):
        raise ConnectionError

    monkeypatch.setattr("kernel.telemetry.dependencies.primary", unavailable)
    settings.PRIMARY_AWAY_LIMIT_SECONDS = limit
    assert process_health.answer(process_health.READY, health=health)[0] == status
    assert process_health.answer(process_health.LIVE, health=health)[0] == 200


def heard(application, path: str) -> str:
    """Return the status line that an application responds with."""
    lines: list[str] = []
    list(application({"PATH_INFO": path}, lambda line, _headers: lines.append(line)))
    return lines[0]


def test_a_process_whose_work_hangs_is_not_alive_and_may_be_ended():
    def metrics(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    for alive, status in ((True, "200 OK"), (False, "503 Service Unavailable")):
        application = process_health.beside(metrics, is_alive=lambda alive=alive: alive)
        assert heard(application, process_health.LIVE) == status
        assert heard(application, "/metrics") == "200 OK"


def test_consumers_live_while_their_groups_come_round(monkeypatch):
    monkeypatch.setattr(runtime, "LIVENESS_SECONDS", 0.05)
    liveness = runtime.Liveness()
    assert liveness.is_alive()
    await_that(lambda: not liveness.is_alive(), "no group comes round")
    liveness.touch()
    assert liveness.is_alive()
