"""The gateway of a pod: the words of containers, with real nginx, an API and fastpaths."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import yaml

from stack import gateway
from stack.service import HOST, free_ports
from tests.stack.entry import Api, Entry, stand_in, started
from tests.stack.filled_gateway import filled
from tests.stack.test_gateway_line import Process, process

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
NAMES = 6  # that processes of fastpath may have, of which most are not there
FAN, CDN = "203.0.113.9", "198.51.100.7"
POSTS = 40


def container() -> dict[str, str]:
    """Return what the container has in compose, with what stands there for unset variables."""
    given = yaml.safe_load(COMPOSE.read_text())["services"]["gateway"]["environment"]
    return {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in given.items()}


class Pod:
    """The gateway of a pod, its API, and a few processes of fastpath among many names."""

    def __init__(self, nginx: Path, folders, monkeypatch, stack: ExitStack, alive: int) -> None:
        self.api: Api = stack.enter_context(stand_in())
        [self.status_port, *ports] = free_ports(NAMES + 1)
        self.processes: list[Process] = [
            stack.enter_context(process(port)) for port in ports[:alive]
        ]
        names = ",".join(f"{HOST}:{port}" for port in ports)
        mine = {
            "API": f"{HOST}:{self.api.server_address[1]}",
            "FASTPATHS": names,
            "FASTPATH_SALES": names,
            "STREAM": f"{HOST}:{ports[0]}",
            "LOGINS": "on",
            "TRUSTED_PROXIES": f"{HOST}/32",
            "TRUSTED_HOPS": "2",
            "STATUS_LISTEN": f"{HOST}:{self.status_port}",
            "KEPT_IN_RELOAD": "",  # of a later nginx than Debian's
        }

        def configuration(made: gateway.NginxGateway) -> str:
            of_the_place = ("RUN", "LISTEN", "USER_DIRECTIVE", "ACCESS_LOG", "STATIC", "MEDIA")
            of_the_machine = ("WORKER_PROCESSES", "WORKER_CONNECTIONS", "FILES")
            here = {word: made._values[word] for word in (*of_the_place, *of_the_machine)}
            return filled(container() | mine | here)

        monkeypatch.setattr(gateway.NginxGateway, "configuration", configuration)
        folder = folders.mktemp("gateway")
        self.entry: Entry = stack.enter_context(
            started(nginx, self.api, folder, service_port=ports[0])
        )

    def join(self, performance: object, fan: str = FAN, token: str = "Bearer a.b.c") -> int:
        headers = {"X-Forwarded-For": f"{fan}, {CDN}", "Authorization": token}
        path = f"/api/v1/performances/{performance}/queue/"
        return self.entry.post(path, content="{}", headers=headers).status_code


@pytest.fixture
def pod(request, nginx, tmp_path_factory, monkeypatch) -> Iterator[Pod]:
    """A pod before as many processes as the test asks for, two by itself."""
    with ExitStack() as stack:
        yield Pod(nginx, tmp_path_factory, monkeypatch, stack, getattr(request, "param", 2))


def test_names_without_a_process_are_missed_by_nobody(pod):
    performances = [uuid4() for _ in range(POSTS)]
    assert {pod.join(one) for one in performances} == {201}
    assert all(one.answered for one in pod.processes)
    for path in ("/api/v1/reservations/", "/api/v1/payments/"):
        headers = {"Authorization": "Bearer a.b.c"}
        posts = [pod.entry.post(path, headers=headers) for _ in range(POSTS)]
        assert {one.status_code for one in posts} == {201}
    assert not pod.api.seen


@pytest.mark.control
def test_control_with_two_tries_names_without_a_process_would_fail_some(
    template, nginx, tmp_path_factory, monkeypatch
):
    template("            proxy_next_upstream_tries 0;\n", "", places=6)
    with ExitStack() as stack:
        pod = Pod(nginx, tmp_path_factory, monkeypatch, stack, 1)
        assert 503 in {pod.join(uuid4()) for _ in range(POSTS)}


@pytest.mark.parametrize("pod", [0], indirect=True)
def test_without_fastpath_its_own_api_answers(pod):
    assert {pod.join(uuid4()) for _ in range(POSTS)} == {200}
    assert {seen["x-forwarded-for"] for seen in pod.api.seen} == {FAN}


def test_without_its_api_it_says_that_the_service_cannot_be_reached(pod):
    pod.api.shutdown()
    pod.api.server_close()
    answer = pod.entry.get("/api/v1/concerts/", headers={"Accept-Language": "en"})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"
    assert answer.headers["retry-after"] == "1"


def test_forged_logins_end_there_and_people_pass(pod):
    performance = uuid4()
    assert pod.join(performance, token="Bearer forged") == 401
    assert {pod.join(performance, fan="203.0.113.77") for _ in range(10)} == {201}


def test_nginx_says_by_itself_that_it_lives_and_what_it_does(pod):
    pod.api.shutdown()
    pod.api.server_close()
    status = f"http://{HOST}:{pod.status_port}"
    assert httpx.get(f"{status}/healthz/live", trust_env=False).status_code == 200
    assert "Active connections" in httpx.get(f"{status}/status", trust_env=False).text
    assert httpx.get(f"{status}/metrics", trust_env=False).status_code == 404
