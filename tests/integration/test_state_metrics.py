"""Promises of `manage.py state_metrics`: one process says how the system is."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stack.service import HOST, free_ports, listens
from tests.support.children import await_children_gone, child_environment
from tests.support.waiting import await_that

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def port(transactional_db):
    [port] = free_ports(1)
    process = subprocess.Popen(
        [sys.executable, "manage.py", "state_metrics", "--port", str(port)],
        cwd=ROOT,
        env=child_environment(METRIC_STATE="false"),
    )
    try:
        await_that(lambda: listens(port), "the process serves", seconds=60)
        yield port
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0  # a signal ends it in order
        await_children_gone()


def families_of(port) -> dict[str, list]:
    with urllib.request.urlopen(f"http://{HOST}:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    return {one.name: one.samples for one in text_string_to_metric_families(text)}


def answered(families) -> dict[str, float]:
    return {one.labels["collector"]: one.value for one in families["frontrow_collector_up"]}


def test_one_process_serves_the_state_and_says_that_every_collector_answered(port, settings):
    # The first connections of a process may take longer than a collector may.
    families = await_that(
        lambda: found if set(answered(found := families_of(port)).values()) == {1.0} else None,
        "every collector answers",
        seconds=60,
    )
    assert set(answered(families)) == set(settings.METRIC_COLLECTORS)
    assert families["frontrow_outbox_backlog"][0].value == 0
    assert "process_resident_memory_bytes" in families  # its own, too
