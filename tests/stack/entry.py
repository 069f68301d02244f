"""nginx before stand-ins for the API and the service fastpath."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from stack import gateway
from stack.engine import Engine
from stack.gateway.server import DEFAULTS
from stack.os_users import remove_home, server_home, unprivileged
from stack.policy import Policy
from stack.service import HOST, free_ports
from stack.states import State
from tests.stack.support import Clock, Stage
from tests.support.waiting import await_that


class Api(ThreadingHTTPServer):
    """A stand-in for the API that tells what reached it.

    As the service `in_front_of` another it answers public statuses and availability as that one
    would, and hands everything else over. It may also hang up (`breaks`) once it has read a
    request.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, in_front_of: "Api | None" = None, port: int = 0) -> None:
        super().__init__((HOST, port), Handler)
        self.in_front_of = in_front_of
        self.forget()

    def forget(self) -> None:
        self.hands_over = self.in_front_of is not None
        self.breaks = False
        self.more_headers: dict[str, str] = {}
        self.cache_control = "max-age=1"
        self.delay = 0.0
        self.status = 200
        self.seen: list[dict[str, str]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = {":method": self.command, ":path": self.path, ":body": sent.decode("latin-1")}
        self.server.seen.append({**headers, **seen})
        api = self.server.in_front_of
        is_public = self.path.partition("?")[0].endswith(("/queue/", "/availability/"))
        if api is not None and self.command == "GET" and is_public:
            api.seen.append(self.server.seen[-1])
            self._answer(api)
        else:
            self._answer(self.server)

    def _answer(self, server: Api) -> None:
        time.sleep(server.delay)
        if server.breaks:
            self.close_connection = True
            return
        if server.hands_over:
            self.send_response(421)
            self.send_header("X-Accel-Redirect", "@api")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = json.dumps({"number": len(server.seen)}).encode()
        self.send_response(server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", server.cache_control)
        self.send_header("Vary", "Accept-Language")
        self.send_header("X-Request-ID", self.headers["X-Request-ID"])
        for name, value in server.more_headers.items():
            self.send_header(name, value)
        if server.status in (429, 503):
            self.send_header("Retry-After", "7")
        if server.status == 405:
            self.send_header("Allow", "GET")
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_GET  # noqa: N815  (the names the library looks for)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Entry(httpx.Client):
    """A client of the gateway, which knows where its files lie."""

    def __init__(self, port: int, folder: Path, home: Path) -> None:
        super().__init__(base_url=f"http://{HOST}:{port}")
        self.port = port
        self.folder = folder
        self.home = home
        self.service: Api | None = None  # where a test has a gateway of its own
        self.gateway: gateway.NginxGateway

    def access_lines(self) -> list[dict]:
        lines = (self.folder / "access.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def access_line(self, request_id: str) -> dict:
        """Return the line of a request; nginx writes it once the answer has been sent."""
        return await_that(
            lambda: next((x for x in self.access_lines() if x["request_id"] == request_id), None),
            f"the access line of {request_id}",
        )


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """Let a server respond in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def stand_in(*, in_front_of: Api | None = None, port: int = 0) -> Iterator[Api]:
    """Run a stand-in for the API, or for the service in front of it."""
    with Api(in_front_of=in_front_of, port=port) as server, serving(server):
        yield server


@contextmanager
def started(
    nginx: Path,
    api: Api,
    folder: Path,
    options: gateway.Options = DEFAULTS,
    *,
    service_port: int,
    others: Mapping[str, int] | None = None,
    more_services: Mapping[str, int] | None = None,
) -> Iterator[Entry]:
    """Run nginx before `api` and the service on `service_port`; it must not have complained.

    `others`: ports of more APIs by name, which take turns with the first; `more_services` those of
    more processes for those who wait.
    """
    [port] = free_ports(1)
    home = server_home(folder, unprivileged())
    service = gateway.NginxGateway(
        nginx,
        port,
        gateway.Upstreams(
            {"api": api.server_address[1], **(others or {})},
            {"fastpath": service_port, **(more_services or {})},
            {"fastpath-sale": service_port},
            service_port,
        ),
        home=home,
        os_user=unprivileged(),
        access_log=folder / "access.log",
        static=home / "static",
        media=home / "media",
        options=options,
    )
    engine = Engine(folder, Policy(restart=False))
    engine.add([service])
    stage = Stage(engine, Clock())
    unit = stage.start("gateway")
    try:
        stage.until(lambda: unit.state is State.RUNNING, 20)
        assert (folder / "gateway.log").read_text() == ""
        with Entry(port, folder, home) as entry:
            entry.gateway = service
            yield entry
    finally:
        unit.kill(stage.clock.now())
        engine.close()
        remove_home(folder)
