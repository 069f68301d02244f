"""nginx before an API: what it adds, keeps, refuses and answers itself."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from stack import gateway
from stack.accounts import remove_home, server_home, unprivileged
from stack.engine import Engine
from stack.folder import default_data
from stack.gateway import server
from stack.process import Tools
from stack.service import HOST, free_ports
from stack.unit import Policy, State
from tests.stack.support import Clock, Stage

PUBLIC = "/api/v1/performances/0192aaaa-0000-7000-8000-000000000000/queue/"


class Api(ThreadingHTTPServer):
    """A stand-in for the API that tells what reached it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__((HOST, 0), Handler)
        self.cache_control = "max-age=1"
        self.delay = 0.0
        self.seen: list[dict[str, str]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_GET(self) -> None:
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        time.sleep(self.server.delay)
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        status = 503 if self.path == "/busy/" else 200
        body = json.dumps({"number": len(self.server.seen)}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", self.server.cache_control)
        self.send_header("Vary", "Accept-Language")
        self.send_header("X-Request-ID", self.headers["X-Request-ID"])
        if status == 503:
            self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  (the name the library looks for)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def nginx() -> Path:
    downloads = default_data() / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    return gateway.nginx(downloads, Tools())


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(nginx, api, tmp_path_factory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("gateway")
    [port] = free_ports(1)
    service = gateway.Gateway(
        nginx,
        port,
        api.server_address[1],
        home=server_home(folder, unprivileged()),
        account=unprivileged(),
        access_log=folder / "access.log",
        static=folder / "static",
    )
    engine = Engine(folder, Policy(restart=False))
    engine.add([service])
    stage = Stage(engine, Clock())
    unit = stage.start("gateway")
    stage.until(lambda: unit.state is not State.STARTING and unit.state is not State.PREPARING)
    log = (folder / "gateway.log").read_text()
    assert log == ""
    stage.until(lambda: unit.state is State.RUNNING)
    with httpx.Client(base_url=f"http://{HOST}:{port}") as http:
        http.folder = folder  # type: ignore[attr-defined]
        yield http
    unit.kill(stage.clock.now())
    engine.close()
    remove_home(folder)


def test_a_request_id_is_made_passed_on_and_returned(client, api):
    answer = client.get("/api/v1/concerts/")
    assert answer.headers.get_list("x-request-id") == [api.seen[0]["x-request-id"]]
    assert len(api.seen[0]["x-request-id"]) == 32


def test_a_sane_request_id_of_the_caller_is_kept(client, api):
    answer = client.get("/", headers={"X-Request-ID": "my-request:1"})
    assert answer.headers["x-request-id"] == api.seen[0]["x-request-id"] == "my-request:1"


@pytest.mark.parametrize("value", ["short", "x" * 129, "with space", 'quote"quote', "a;b;c;d;e"])
def test_nonsense_is_no_request_id(client, api, value):
    client.get("/", headers={"X-Request-ID": value})
    assert api.seen[0]["x-request-id"] != value


def test_a_caller_cannot_say_where_he_comes_from(client, api):
    forged = {
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        "Forwarded": "for=1.2.3.4",
    }
    client.get("/", headers=forged)
    assert api.seen[0]["x-forwarded-for"] == HOST
    assert api.seen[0]["x-forwarded-proto"] == "http"
    assert "forwarded" not in api.seen[0]


def test_a_body_over_the_limit_is_a_problem_document(client, api):
    answer = client.post("/api/v1/reservations/", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "body_too_large"
    assert api.seen == []


def test_a_body_at_the_limit_goes_through(client):
    assert client.post("/api/v1/reservations/", content=b"x" * 1024 * 1024).status_code == 200


def test_with_the_api_away_the_answer_is_a_problem_document(client, api):
    api.shutdown()
    api.server_close()
    answer = client.get("/api/v1/concerts/")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "unavailable"
    assert answer.headers["x-request-id"]


def test_the_apis_own_refusal_is_left_alone(client):
    answer = client.get("/busy/")
    assert answer.status_code == 503
    assert answer.headers.get_list("retry-after") == ["7"]
    assert answer.json() == {"number": 1}


def test_a_header_too_large_is_a_problem_document(client):
    answer = client.get("/", headers={"X-Large": "x" * 20000})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_public_status_is_fetched_once_a_second_whoever_asks(client, api):
    api.delay = 0.05
    headers = [{}, {"Authorization": "Bearer a"}, {"Authorization": "Bearer b", "Cookie": "c=d"}]
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(client.get, PUBLIC, headers=headers[i % 3]) for i in range(60)]
        bodies = {answer.result().content for answer in asked}
    assert bodies == {b'{"number": 1}'}
    assert len(api.seen) == 1
    assert "authorization" not in api.seen[0]
    assert "cookie" not in api.seen[0]


def test_a_kept_answer_carries_the_callers_own_request_id(client):
    first = client.get(PUBLIC, headers={"X-Request-ID": "caller-one"})
    second = client.get(PUBLIC, headers={"X-Request-ID": "caller-two"})
    assert first.content == second.content
    assert second.headers.get_list("x-request-id") == ["caller-two"]


SPELLINGS = [f"en-US,en;q=0.{number},xx-{number}" for number in range(10)]


def test_no_spelling_of_the_language_asks_the_api_again(client, api):
    api.cache_control = "max-age=60"
    for accepted in ["", *SPELLINGS, *(f"ko;q=0.{number}" for number in range(10)), "x," * 5000]:
        answer = client.get(PUBLIC, headers={"Accept-Language": accepted})
        assert answer.headers["vary"].startswith("Accept-Language")
    assert sorted(seen["accept-language"] for seen in api.seen) == ["en", "ko"]


def test_no_parameter_asks_for_the_public_status_again(client, api):
    for number in range(5):
        client.get(PUBLIC, params={"n": number})
        client.get(PUBLIC.replace("/queue/", "/availability/"), params={"n": number})
    assert len(api.seen) == 1 + 5  # the API refuses parameters of the other, and that isn't kept


@pytest.mark.parametrize(
    ("accepted", "passed_on"),
    [
        (None, "ko"), ("", "ko"), ("*", "ko"), ("ko", "ko"), ("en", "en"), ("EN-gb", "en"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", "ko"), ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "en"), ("den, french", "ko"),
    ],
)  # fmt: skip
def test_the_language_named_first_is_passed_on(client, api, accepted, passed_on):
    headers = {} if accepted is None else {"Accept-Language": accepted}
    client.get(PUBLIC, headers=headers)
    assert api.seen[0]["accept-language"] == passed_on


def test_elsewhere_the_language_is_passed_on_as_it_came(client, api):
    client.get("/api/v1/concerts/", headers={"Accept-Language": SPELLINGS[3]})
    client.post(PUBLIC, headers={"Accept-Language": SPELLINGS[4]})
    assert [seen["accept-language"] for seen in api.seen] == SPELLINGS[3:5]


@pytest.fixture
def believing_vary(monkeypatch, tmp_path):
    guard = "proxy_ignore_headers Vary;"
    template = server.TEMPLATE.read_text()
    assert template.count(guard) == 1
    (tmp_path / "template").write_text(template.replace(guard, ""))
    monkeypatch.setattr(server, "TEMPLATE", tmp_path / "template")


@pytest.mark.control
def test_control_where_vary_is_believed_each_spelling_asks_the_api(believing_vary, client, api):
    api.cache_control = "max-age=60"
    for accepted in SPELLINGS:
        client.get(PUBLIC, headers={"Accept-Language": accepted})
    assert len(api.seen) == len(SPELLINGS)


def test_a_private_answer_is_never_kept(client, api):
    api.cache_control = "private, max-age=60"
    assert client.get(PUBLIC).content != client.get(PUBLIC).content
    assert len(api.seen) == 2


def test_joining_goes_through_with_its_login(client, api):
    client.get(PUBLIC)
    answer = client.post(PUBLIC, headers={"Authorization": "Bearer a"})
    assert answer.json() == {"number": 2}
    assert api.seen[1]["authorization"] == "Bearer a"


def test_a_fans_own_place_is_never_kept(client, api):
    mine = PUBLIC + "me/"
    client.get(mine, headers={"Authorization": "Bearer a"})
    client.get(mine, headers={"Authorization": "Bearer b"})
    assert [seen["authorization"] for seen in api.seen] == ["Bearer a", "Bearer b"]


def test_the_access_log_is_json(client):
    client.get('/a"b/', headers={"X-Request-ID": "request-one", "User-Agent": 'q"uote'})
    lines = (client.folder / "access.log").read_text().splitlines()
    entry = json.loads(lines[-1])
    assert entry["request_id"] == "request-one"
    assert entry["path"] == '/a"b/'
    assert entry["status"] == 200
