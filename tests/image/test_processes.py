"""Each process of the image starts as a pod starts it, gets ready, and ends when it is asked to.

The commands are those of docker-compose.yml, on the servers of the test session.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import pytest
import yaml
from django.db import connections

from stack.service import HOST, free_ports
from tests.image.conftest import KEYS
from tests.support import servers
from tests.support.children import await_children_gone
from tests.support.pods import ROOT, USER, BuiltImage, Pod
from tests.support.waiting import await_that

START_SECONDS = 240  # of a busy machine
API_GRACE_SECONDS, WORKER_GRACE_SECONDS = 45, 120
_PORTS = ("--port", "--metrics-port")
_SERVERS = ("REDIS_CACHE_URL", "REDIS_LOCK_URL", "REDIS_QUEUE_URL", "CELERY_BROKER_URL")


@dataclass(frozen=True)
class Asked:
    """How a process shows that it is ready: words of a page at its port, or a file of its own."""

    path: str = ""
    words: str = ""
    file: str = ""
    says: str = ""  # in its log: a worker shows metrics before it listens to signals
    grace: int = API_GRACE_SECONDS


PROCESSES = {
    "api": Asked("/healthz/ready"),
    "fastpath": Asked("/healthz/live"),
    "fastpath-sale": Asked("/healthz/live"),
    "stream": Asked("/healthz/live"),
    "sandbox": Asked("/healthz/live"),
    "state-metrics": Asked("/metrics", words="frontrow_collector_up{"),
    "flower": Asked("/healthcheck"),
    "beat": Asked(file="/tmp/celerybeat-schedule"),
    "consumers": Asked("/metrics", words="frontrow_consumer_lag{", grace=WORKER_GRACE_SECONDS),
    "worker-promotion": Asked("/metrics", says=" ready.", grace=WORKER_GRACE_SECONDS),
    "relay": Asked("/metrics", says=" ready.", grace=WORKER_GRACE_SECONDS),
    "worker-general": Asked("/metrics", says=" ready.", grace=WORKER_GRACE_SECONDS),
    "worker-background": Asked("/metrics", says=" ready.", grace=WORKER_GRACE_SECONDS),
}


@cache
def services() -> dict[str, dict]:
    found = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    return {name: one for name, one in found.items() if one["image"] == "frontrow:local"}


def command_of(name: str, image: BuiltImage, port: int) -> list[str]:
    """Return the service's command, listening on a free port of this machine alone."""
    words = [str(word) for word in services()[name].get("command") or image.config["Cmd"]]
    words = [HOST if word == "0.0.0.0" else word for word in words]
    words = [word.replace("0.0.0.0", HOST) for word in words]
    for index, word in enumerate(words[:-1]):
        if word in _PORTS:
            words[index + 1] = str(port if word == "--port" else free_ports(1)[0])
    return [f"--port={port}" if word.startswith("--port=") else word for word in words]


def metrics_name(command: list[str]) -> str:
    return command[command.index("-n") + 1].partition("@")[0] if "-n" in command else ""


@pytest.fixture
def environment_of(production) -> Callable[..., dict[str, str]]:
    """Lead a production process to the servers of this session."""

    def at(url: str, alias: str) -> str:
        server = url.rpartition("/")[0]
        return (
            f"{server}/{connections[alias].settings_dict['NAME']}?application_name=frontrow-child"
        )

    def make(name: str, command: list[str], port: int) -> dict[str, str]:
        given = {
            **production,
            **{variable: os.environ[variable] for variable in _SERVERS},
            "DATABASE_URL": at(os.environ["DATABASE_URL"], "default"),
            "IDEMPOTENCY_DATABASE_URL": at(os.environ["IDEMPOTENCY_DATABASE_URL"], "idempotency"),
            "PROMETHEUS_MULTIPROC_DIR": "/run/metrics" if name == "api" else "",
            "METRIC_STATE": "false",
            "METRICS_HOST": HOST,
            "WORKER_METRICS_PORTS": f"{metrics_name(command)}={port}" if "-n" in command else "",
            "CONSUMER_LIVENESS_FILE": "/tmp/alive",
            "FLOWER_BASIC_AUTH": "frontrow:orange-harbour",
            "STREAM_SOURCE_URL": f"http://{HOST}:{port}",
            "SANDBOX_HOST": HOST,
            "SANDBOX_PORT": str(port),
            "SANDBOX_LEDGER": "/var/lib/sandbox/ledger.db",
            "SANDBOX_SECRET": "test_sk_orange-harbour",
            "SANDBOX_WEBHOOK_URL": f"http://{HOST}:{port}/",
            "SANDBOX_WEBHOOK_SECRET": "whsec-orange-harbour",
            "OTEL_SERVICE_NAME": name,
        }
        if name == "consumers":
            # One broker can't keep the three copies that production settings demand.
            copies = dict.fromkeys(("KAFKA_TOPIC_REPLICATION", "KAFKA_TOPIC_MIN_INSYNC"), "1")
            given |= copies | {
                "DJANGO_SETTINGS_MODULE": "config.settings.local",
                "KAFKA_BOOTSTRAP_SERVERS": servers.running.kafka(),
                "CONSUMER_METRICS_PORT": str(port),
            }
        return {variable: value for variable, value in given.items() if value}

    return make


@pytest.fixture(autouse=True)
def _sessions_end() -> Iterator[None]:
    yield
    await_children_gone()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    os.chown(folder, USER, USER)
    return folder


def is_ready(pod: Pod, asked: Asked, port: int) -> bool:
    assert pod.process.poll() is None, pod.output()
    if asked.says not in pod.output():
        return False
    if asked.file:
        return pod.has(asked.file)
    try:
        answer = httpx.get(f"http://{HOST}:{port}{asked.path}", timeout=5, trust_env=False)
    except httpx.TransportError:
        return False
    return answer.status_code == 200 and asked.words in answer.text


def test_every_process_of_the_image_is_tried():
    assert PROCESSES.keys() == services().keys() - {"setup"}


@pytest.mark.parametrize("name", PROCESSES)
def test_it_gets_ready_on_a_root_it_cannot_write_to_and_ends_by_sigterm(
    image, secret, volume, environment_of, name
):
    [port] = free_ports(1)
    asked, command = PROCESSES[name], command_of(name, image, port)
    pod = Pod(
        image, command, environment_of(name, command, port),
        reading={secret(): KEYS}, writable={volume: f"/var/lib/{name}"},
    )  # fmt: skip
    with pod:
        await_that(lambda: is_ready(pod, asked, port), f"{name} is ready", seconds=START_SECONDS)
        pod.terminate()
        code, output = pod.finish(seconds=asked.grace)
    assert "Traceback" not in output
    assert "Read-only file system" not in output
    assert code in (0, 143), output


def test_the_schema_is_brought_up_to_date_by_the_same_image(image, secret, environment_of):
    for database in ("default", "idempotency"):
        command = ["python", "manage.py", "migrate", "--no-input", "--database", database]
        environment = environment_of("setup", command, 0)
        with Pod(image, command, environment, reading={secret(): KEYS}) as pod:
            code, output = pod.finish(seconds=START_SECONDS)
        assert code == 0, output
        assert "No migrations to apply" in output


@pytest.mark.control
def test_one_that_writes_into_the_image_does_not_get_far(image, secret, environment_of):
    command = ["python", "-c", "open('/app/written', 'w')"]
    with Pod(image, command, environment_of("setup", command, 0)) as pod:
        code, output = pod.finish(seconds=60)
    assert code == 1
    assert "Read-only file system" in output
