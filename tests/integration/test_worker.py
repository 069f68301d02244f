"""Promises of the Celery processes: the relay at work, logs and metrics, an orderly end."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from redis import Redis

from config.celery import app
from events.models import OutboxEvent
from kernel.telemetry.context import Correlation, correlated
from stack.service import free_ports
from tests.support.children import await_children_gone, child_environment
from tests.support.kafka_reader import KafkaReader
from tests.support.outbox import TOPIC, new_event, write
from tests.support.waiting import await_that

ROOT = Path(__file__).resolve().parent.parent.parent
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Process:
    """A Celery process on the test's servers; `lines` are its JSON log lines so far."""

    def __init__(self, folder: Path, kafka: str, *arguments: str, **more: str) -> None:
        self.log = folder / f"{arguments[0]}.log"
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config.celery", *arguments],
                cwd=ROOT,
                env=child_environment(kafka, **more),
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    @property
    def lines(self) -> list[dict]:
        """Every line must be JSON: a log collector drops what isn't."""
        text = self.log.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def says(self, words: str) -> bool:
        return any(words in line["message"] for line in self.lines)

    def count(self, words: str) -> int:
        return sum(words in line["message"] for line in self.lines)

    def end(self) -> int:
        """Ask it to stop; return its exit code."""
        self.popen.send_signal(signal.SIGTERM)
        try:
            self.popen.wait(20)
        finally:
            self.popen.kill()
            self.popen.wait()
            await_children_gone()
        return self.popen.returncode


@pytest.fixture
def broker():
    """The broker, empty before and after."""
    broker = Redis.from_url(os.environ["CELERY_BROKER_URL"])
    broker.flushall()
    yield broker
    broker.flushall()
    broker.close()


@pytest.fixture
def worker(db_ready, tmp_path, kafka, broker):
    [port] = free_ports(1)
    process = Process(
        tmp_path,
        kafka,
        *("worker", "-n", "relay@%h", "-Q", "relay", "-P", "threads", "-c", "4"),
        WORKER_METRICS_PORTS=f"relay={port}",
        LOG_LEVEL="DEBUG",  # tasks have lines of their own
    )
    process.port = port
    try:
        await_that(lambda: process.says("ready"), "it is up", seconds=60)
        yield process
    finally:
        process.end()


@pytest.fixture
def beat(tmp_path, kafka, broker):
    process = Process(tmp_path, kafka, "beat", "-s", str(tmp_path / "schedule"))
    yield process
    process.end()


@pytest.mark.kafka
def test_beat_and_a_worker_publish_and_end_in_order(worker, beat, kafka):
    reader = KafkaReader(kafka, TOPIC)
    try:
        write(new_event())
        await_that(lambda: not OutboxEvent.objects.unpublished().exists(), "warm", seconds=30)
        for _ in range(5):
            [event_id] = write(new_event())
            reader.until(lambda rs, i=event_id: any(r.id == str(i) for r in rs), "it", seconds=20)
    finally:
        reader.close()
    with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}/metrics") as answer:
        text = answer.read().decode()
    assert f'frontrow_outbox_published_total{{topic="{TOPIC}"}}' in text
    assert 'frontrow_task_runs_total{state="SUCCESS",task="events.relay"}' in text
    assert worker.end() == 0
    assert beat.end() == 0
    assert {line["level"] for line in beat.lines + worker.lines} <= {"DEBUG", "INFO", "WARNING"}


@pytest.mark.kafka
def test_the_senders_request_id_is_on_the_workers_lines(worker):
    with correlated(Correlation("request-from-http", TRACEPARENT)):
        app.send_task("events.relay", queue="relay")
    line = await_that(
        lambda: next((x for x in worker.lines if x.get("request_id") == "request-from-http"), None),
        "the line",
        seconds=30,
    )
    assert "events.relay" in line["message"]


def test_a_broker_that_is_away_at_the_start_is_waited_for(db_ready, tmp_path, parts, broker):
    server = parts.part("broker")
    server.stop()
    options = ("-n", "general@%h", "-Q", "sweep", "-P", "threads", "-c", "1")
    process = Process(tmp_path, "", "worker", *options)
    try:
        try:
            await_that(lambda: process.says("Cannot connect"), "it has noticed", seconds=30)
            assert process.popen.poll() is None
        finally:
            server.start()
        await_that(lambda: process.says("ready"), "it is up", seconds=60)
    finally:
        process.end()


@pytest.mark.kafka
def test_a_broker_that_restarts_ends_neither_worker_nor_beat(worker, beat, parts, kafka):
    """Killed again and again, with tasks that nobody has acknowledged yet."""
    server = parts.part("broker")
    for _ in range(3):
        before = worker.count("events.relay")
        await_that(lambda n=before: worker.count("events.relay") > n, "work goes on", seconds=60)
        server.kill()
        server.start()
    before = worker.count("events.relay")
    await_that(lambda: worker.count("events.relay") > before, "work goes on", seconds=60)
    assert (worker.popen.poll(), beat.popen.poll()) == (None, None)
    assert not worker.says("Unrecoverable")
