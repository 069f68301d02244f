"""Promises of /metrics: one answer for all API processes and for the state of the system."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kernel import clock
from kernel.ids import uuid7
from kernel.telemetry import exposition
from reservations.models import SeatInventory
from sale_statistics.models import HourlySales
from stack.backups import figures
from tests.support import factories
from tests.support.outbox import new_event, write
from tests.support.waiting_rooms import make_room

ROOT = Path(__file__).resolve().parent.parent.parent
HOUR = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _asked_again():
    exposition.forget_state()
    yield
    exposition.forget_state()


def scraped(client) -> dict[str, list]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.content.decode())
    return {family.name: family.samples for family in families}


def test_every_collector_answers(client, settings):
    factories.make_performance(seats=2)
    up = {s.labels["collector"]: s.value for s in scraped(client)["frontrow_collector_up"]}
    assert up == dict.fromkeys(settings.METRIC_COLLECTORS, 1.0)


PROMISED = {
    "frontrow_queue_waiting",
    "frontrow_queue_promotion_rate",
    "frontrow_queue_mean_wait_seconds",
    "frontrow_holds_live",
    "frontrow_holds",
    "frontrow_holds_expired",
    "frontrow_reservations_confirmed",
    "frontrow_payments",
    "frontrow_idempotency_conflicts",
    "frontrow_outbox_age_seconds",
    "frontrow_outbox_backlog",
    "frontrow_replica_lag_seconds",
    "frontrow_celery_queue_length",
    "frontrow_breaker_open",
    "django_http_requests_total_by_method",
}


def test_what_operators_were_promised_is_there(client):
    assert PROMISED - scraped(client).keys() == set()


def test_the_outbox_age_is_that_of_the_oldest_unpublished_event(client):
    assert scraped(client)["frontrow_outbox_age_seconds"][0].value == 0
    write(new_event(), new_event())
    exposition.forget_state()
    families = scraped(client)
    assert families["frontrow_outbox_backlog"][0].value == 2
    assert 0 < families["frontrow_outbox_age_seconds"][0].value < 30


def test_state_is_asked_for_at_most_once_in_a_while(client, settings):
    settings.METRIC_STATE_SECONDS = 3600  # longer than any machine is busy
    scraped(client)
    write(new_event())
    assert scraped(client)["frontrow_outbox_backlog"][0].value == 0


def test_the_api_leaves_the_state_to_a_process_of_its_own_where_there_is_one(client, settings):
    settings.METRIC_STATE = False
    families = scraped(client)
    assert "frontrow_holds" in families
    assert not {"frontrow_collector_up", "frontrow_outbox_backlog"} & families.keys()


def test_a_collector_that_fails_is_named_and_the_rest_is_there(client, settings):
    settings.METRIC_COLLECTORS = ["tests.api.test_metrics.broken", "events.metrics.outbox"]
    families = scraped(client)
    up = {s.labels["collector"]: s.value for s in families["frontrow_collector_up"]}
    assert up == {"tests.api.test_metrics.broken": 0.0, "events.metrics.outbox": 1.0}
    assert "frontrow_outbox_backlog" in families


def broken(*, now):
    raise ValueError("broken")


def test_a_server_that_is_away_costs_its_own_metrics_only(client, parts):
    parts.part("broker").stop()
    try:
        families = scraped(client)
    finally:
        parts.part("broker").start()
    assert "frontrow_celery_queue_length" not in families
    assert "frontrow_outbox_backlog" in families


_WORKER = """
import django; django.setup()
from kernel.redis.breaker import failures, state
failures.labels("probe").inc(2)
state.labels("probe").set(1)
"""
_SCRAPE = """
import django; django.setup()
from kernel.telemetry import exposition
print(exposition.render().decode())
"""


def test_counters_of_dead_processes_stay_and_their_live_gauges_go(tmp_path):
    environment = {
        **os.environ,
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
    }

    def run(script: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    for _ in range(2):
        run(_WORKER)
    text = run(_SCRAPE)
    assert 'frontrow_part_failures_total{part="probe"} 4.0' in text
    assert 'frontrow_breaker_open{part="probe"}' not in text


def test_every_metric_of_ours_is_documented():
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = set(re.findall(r"`(frontrow_[a-z_]+)`", page))
    apps = [ROOT / "fastpath", ROOT / "stream", *(path.parent for path in ROOT.glob("*/apps.py"))]
    sources = [path for app in apps for path in app.rglob("*.py")]
    declared = {
        name
        for path in sources
        for name in re.findall(
            r"(?:Counter|Gauge|Histogram|CounterMetricFamily|GaugeMetricFamily)\(\s*\"(frontrow_[a-z_]+)\"",
            path.read_text(),
        )
    }
    assert declared
    assert declared | {figures.NAME} == documented


def by_labels(samples) -> dict[tuple, float]:
    return {tuple(one.labels.values()): one.value for one in samples}


def test_the_seats_of_a_sale_are_counted_by_what_became_of_them(client):
    performance = factories.make_performance(seats=5)
    make_room(performance=performance)
    seats = list(SeatInventory.objects.filter(performance=performance).order_by("index"))
    now = clock.now()
    for seat, until in zip(
        seats[:2], (now + timedelta(minutes=5), now - timedelta(seconds=1)), strict=True
    ):
        SeatInventory.objects.filter(pk=seat.pk).update(
            status="TEMPORARILY_RESERVED", reservation_id=uuid7(), held_until=until
        )
    SeatInventory.objects.filter(pk=seats[2].pk).update(status="BLOCKED")
    exposition.forget_state()
    found = by_labels(scraped(client)["frontrow_seats"])
    assert found == {
        (str(performance.pk), "available"): 3,  # a hold that lapsed holds nothing
        (str(performance.pk), "temporarily_reserved"): 1,
        (str(performance.pk), "reserved"): 0,
        (str(performance.pk), "blocked"): 1,
    }


def test_revenue_adds_up_over_the_hours_of_a_sale(client):
    performance = factories.make_performance(seats=1)
    unwatched = factories.make_performance(seats=1)
    make_room(performance=performance)
    for hours, amount, of in ((1, 100, performance), (2, 250, performance), (1, 7, unwatched)):
        HourlySales.objects.create(
            performance=of, hour=HOUR - timedelta(hours=hours), reservations=1, seats=1,
            amount=amount, currency="KRW",
        )  # fmt: skip
    exposition.forget_state()
    assert by_labels(scraped(client)["frontrow_revenue"]) == {("KRW", str(performance.pk)): 350}
