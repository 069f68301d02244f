"""What Flower shows, it shows to operators alone."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from flower.urls import handlers

from stack.process import wait_until
from stack.service import HOST, free_ports

ROOT = Path(__file__).parents[2]
LOGIN = ("frontrow", "orange-harbour-97")


def arguments(port: int) -> list[str]:
    where = (f"--conf={ROOT / 'config' / 'flower.py'}", f"--address={HOST}", f"--port={port}")
    return [sys.executable, "-m", "celery", "-A", "config.celery", "flower", *where]


@pytest.fixture(scope="module")
def flower(parts) -> Iterator[str]:
    [port] = free_ports(1)
    environment = {**os.environ, "FLOWER_BASIC_AUTH": ":".join(LOGIN)}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
    process = subprocess.Popen(arguments(port), env=environment, cwd=ROOT)
    url = f"http://{HOST}:{port}"
    try:
        assert wait_until(lambda: _answers(url), 60), "Flower does not answer"
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthcheck").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("path", ["/metrics", "/", "/workers", "/tasks", "/broker", "/api/workers",
                                  "/api/tasks", "/api/queues/length"])  # fmt: skip
def test_nobody_sees_anything_without_the_login(flower, path):
    assert httpx.get(flower + path).status_code == 401
    assert httpx.get(flower + path, auth=("frontrow", "wrong")).status_code == 401


def test_operators_and_their_scraper_see_the_metrics(flower):
    answer = httpx.get(f"{flower}/metrics", auth=LOGIN)
    assert answer.status_code == 200
    assert "flower_" in answer.text


def test_who_asks_whether_it_lives_hears_no_more_than_that(flower):
    assert httpx.get(f"{flower}/healthcheck").text == "OK"


def test_no_address_was_added_that_these_tests_do_not_know():
    known = {"workers", "worker", "task", "tasks", "broker", "api", "metrics", "healthcheck",
             "static", "login", "logout", "", ".*"}  # fmt: skip
    patterns = {getattr(one, "regex", None) or one[0] for one in handlers}
    texts = [getattr(pattern, "pattern", pattern) for pattern in patterns]
    assert {text.strip("/$").split("/")[0] for text in texts} <= known


def test_without_a_login_it_does_not_start():
    [port] = free_ports(1)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test"}
    environment.pop("FLOWER_BASIC_AUTH", None)
    done = subprocess.run(
        arguments(port), env=environment, cwd=ROOT,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "FLOWER_BASIC_AUTH must be set" in done.stderr
