"""Promises of /healthz/*: what takes this process out of service, and what is only shown."""

import threading
import time
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from kernel import clock
from kernel.db import primary_clock
from kernel.db import replica as replica_reads
from kernel.http import operators
from kernel.telemetry import health as health_module
from kernel.telemetry.health import Health
from kernel.telemetry.probes import Failed, Probes
from tests.support.waiting import await_that


@pytest.fixture(autouse=True)
def health(monkeypatch):
    """A process that has just begun and checks again each time."""
    monkeypatch.setattr(health_module, "CACHE_SECONDS", 0)
    fresh = Health()
    monkeypatch.setattr(operators, "health", fresh)
    return fresh


def parts_of(answer) -> dict[str, str]:
    return {name: part["state"] for name, part in answer.json()["parts"].items()}


def test_live_answers_without_asking_anybody(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/healthz/live")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_ready_lists_every_part(client, settings):
    answer = client.get("/healthz/ready")
    assert answer.status_code == 200
    assert set(parts_of(answer)) == set(settings.HEALTH_PARTS)
    known = parts_of(answer)
    assert known["kafka"] == "off"
    assert {known[name] for name in ("primary", "idempotency", "cache", "lock")} == {"ok"}
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.kafka
def test_kafka_is_listed_when_there_is_one(client, kafka):
    assert parts_of(client.get("/healthz/ready"))["kafka"] == "ok"


@pytest.mark.parametrize("role", ["cache", "lock", "queue", "broker"])
def test_a_part_that_degrades_is_shown_and_changes_nothing(client, parts, role):
    parts.part(role).stop()
    try:
        answer = client.get("/healthz/ready")
    finally:
        parts.part(role).start()
    assert answer.status_code == 200
    assert parts_of(answer)[role] == "down"


def test_a_frozen_part_costs_a_second_and_one_thread(client, parts):
    parts.part("queue").pause()
    try:
        started = time.monotonic()
        answers = [client.get("/healthz/ready") for _ in range(2)]
        # Each waits for the probe's time-out; what else it takes is the machine's.
        assert time.monotonic() - started < 2 * health_module.PROBE_SECONDS + 5
    finally:
        parts.part("queue").resume()
    assert {parts_of(answer)["queue"] for answer in answers} == {"down"}
    assert {answer.status_code for answer in answers} == {200}


def test_the_replica_away_changes_nothing(client, parts):
    parts.part("replica").stop()
    try:
        answer = client.get("/healthz/ready")
        assert answer.status_code == 200
        assert parts_of(answer)["replica"] == "down"
    finally:
        parts.part("replica").start()
        replica_reads.forget_health()
    await_that(lambda: parts_of(client.get("/healthz/ready"))["replica"] == "ok", "it is back")


def test_the_primary_away_past_the_limit_takes_the_process_out(client, settings, monkeypatch):
    assert client.get("/healthz/ready").status_code == 200

    def unavailable(*, now):
        raise ConnectionError

    monkeypatch.setattr("kernel.telemetry.dependencies.primary", unavailable)
    settings.PRIMARY_AWAY_LIMIT_SECONDS = 60
    answer = client.get("/healthz/ready")
    assert (answer.status_code, parts_of(answer)["primary"]) == (200, "down")
    settings.PRIMARY_AWAY_LIMIT_SECONDS = 0
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert "primary" in answer.json()["reason"]


@pytest.mark.parametrize(
    ("offset", "words"), [(-600.0, "600.0 s ahead of"), (600.0, "600.0 s behind")]
)
def test_a_clock_far_from_the_primarys_takes_the_process_out(client, monkeypatch, offset, words):
    monkeypatch.setattr(primary_clock, "offset", lambda: offset)
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert answer.json()["reason"] == f"clock {words} the primary's"


@pytest.mark.parametrize("offset", [-29.0, -2.0, 2.0, 29.0])
def test_a_clock_within_the_limit_is_reported_and_changes_nothing(client, monkeypatch, offset):
    monkeypatch.setattr(primary_clock, "offset", lambda: offset)
    answer = client.get("/healthz/ready")
    assert (answer.status_code, parts_of(answer)["clock"]) == (200, "warning")


@pytest.mark.parametrize("role", ["lock", "queue"])
@pytest.mark.parametrize("ahead", [600, -600])
def test_a_redis_server_with_a_wrong_clock_is_reported(client, monkeypatch, role, ahead):
    """As seen from here: the primary's clock stands elsewhere."""
    moment = time.time() + ahead
    monkeypatch.setattr(primary_clock, "present", lambda: moment)
    monkeypatch.setattr(primary_clock, "error", lambda: 0.0)
    answer = client.get("/healthz/ready")
    assert answer.status_code == 200
    assert answer.json()["parts"][role]["state"] == "warning"
    assert "the primary's" in answer.json()["parts"][role]["detail"]


def test_a_clock_not_measured_yet_is_reported(client, monkeypatch):
    monkeypatch.setattr(primary_clock, "offset", lambda: None)
    assert parts_of(client.get("/healthz/ready"))["clock"] == "warning"


def test_this_process_knows_the_primarys_clock(client, db_ready):
    clock.now()
    await_that(lambda: primary_clock.offset() is not None, "the clock is measured")
    assert primary_clock.error() < 5
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        assert abs(cursor.fetchone()[0] - clock.now()).total_seconds() < 5


def test_a_missing_migration_means_starting(client, db_ready):
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("statistics", "0002_holds_and_points")
    try:
        assert client.get("/healthz/startup").status_code == 503
        answer = client.get("/healthz/ready")
        assert (answer.status_code, answer.json()["reason"]) == (503, "starting")
    finally:
        recorder.record_applied("statistics", "0002_holds_and_points")
    assert client.get("/healthz/startup").status_code == 200
    assert client.get("/healthz/ready").status_code == 200


def test_draining_takes_the_process_out(client, settings, tmp_path):
    settings.DRAIN_FILE = str(tmp_path / "drain")
    assert client.get("/healthz/ready").status_code == 200
    (tmp_path / "drain").touch()
    answer = client.get("/healthz/ready")
    assert (answer.status_code, answer.json()["reason"]) == (503, "draining")
    assert client.get("/healthz/live").status_code == 200


def test_misconfiguration_takes_the_process_out(client, settings):
    settings.CONFIGURATION_CHECKS = ["tests.api.test_health.refuse"]
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "misconfigured: no keys"


def refuse() -> None:
    raise ValueError("no keys")


def test_partitions_that_run_out_are_a_warning(client, db_ready):
    tables = _partitions_from("events_inboxentry", month=2)
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"DROP TABLE {table}" for table in tables))
    try:
        answer = client.get("/healthz/ready")
        assert answer.status_code == 200
        part = answer.json()["parts"]["partitions"]
        assert part == {"state": "warning", "detail": "events_inboxentry: 2 months"}
    finally:
        call_command("partitions", stdout=StringIO())
    assert parts_of(client.get("/healthz/ready"))["partitions"] == "ok"


def _partitions_from(table: str, *, month: int) -> list[str]:
    """Return the partitions after the first `month` months counted from the present one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = %s::regclass ORDER BY 1",
            [table],
        )
        return [name for (name,) in cursor.fetchall()][month + 1 :]


@pytest.mark.parametrize(
    ("token", "authorization", "sees"),
    [
        ("secret-token", "Bearer secret-token", True),
        ("secret-token", "Bearer other", False),
        ("secret-token", "", False),
        ("", "Bearer ", False),
        ("", "", False),
    ],
)
def test_in_production_only_operators_see_the_detail(client, settings, token, authorization, sees):
    settings.OPS_TOKEN, settings.OPS_TOKEN_REQUIRED = token, True
    answer = client.get("/healthz/ready", headers={"Authorization": authorization})
    assert answer.status_code == 200
    assert ("parts" in answer.json()) is sees
    metrics = client.get("/metrics", headers={"Authorization": authorization})
    assert metrics.status_code == (200 if sees else 401)


def test_probes_run_side_by_side():
    probes = Probes()
    together = threading.Barrier(8)  # passed only while all eight are under way

    def meet() -> None:
        together.wait(20)

    answers = probes.run({str(n): meet for n in range(8)}, seconds=30)
    assert set(answers.values()) == {None}
    assert probes.run({"late": lambda: time.sleep(0.3)}, seconds=0.01) == {
        "late": Failed("no answer in time")
    }
