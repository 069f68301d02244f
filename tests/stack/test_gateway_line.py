"""Several processes for those who wait: joins are spread, and those of a line meet in one."""

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest

from stack.service import HOST, free_ports
from tests.stack.entry import Entry, serving, stand_in, started

COUNT = 3


class Process(ThreadingHTTPServer):
    """A stand-in for fastpath that knows whether rooms have opened.

    It sends a join on to its line as fastpath does (`fastpath/line.py`). It may also hang up on
    what it has read (`breaks`).
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        super().__init__((HOST, port), Handler)
        self.has_opened, self.breaks = True, False
        self.sent_on: list[str] = []
        self.answered: list[tuple[str, str, str]] = []
        self._connections: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, object]:
        connection, address = super().get_request()
        self._connections.append(connection)
        return connection, address

    def hang_up(self) -> None:
        """Close the connections that the gateway keeps, as a process does that ends."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Process

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.server.breaks:
            self.close_connection = True
            return
        if self.headers["X-Queue-Line"] == "ask" and self.server.has_opened:
            self.server.sent_on.append(self.path)
            self._send(421, {"X-Accel-Redirect": "@line"})
            return
        self.server.answered.append((self.path, body, self.headers["Authorization"] or ""))
        self._send(201, {})

    do_GET = do_DELETE = do_POST  # noqa: N815  (the names the library looks for)

    def _send(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def process(port: int = 0) -> Iterator[Process]:
    with Process(port) as server:
        try:
            with serving(server):
                yield server
        finally:
            server.server_close()
            server.hang_up()


class Room:
    """A gateway before some processes, of which each may end, and an API."""

    def __init__(self, nginx, folder, stack: ExitStack) -> None:
        self.api = stack.enter_context(stand_in())
        self.ports = free_ports(COUNT)
        self._stacks = [stack.enter_context(ExitStack()) for _ in self.ports]
        self.processes = [
            one.enter_context(process(port))
            for one, port in zip(self._stacks, self.ports, strict=True)
        ]
        self.entry: Entry = stack.enter_context(self.behind(nginx, folder))

    def behind(self, nginx, folder) -> AbstractContextManager[Entry]:
        """Start a gateway before the processes and the API, of the template as it is now."""
        names = {f"fastpath-{n}": port for n, port in enumerate(self.ports[1:], 2)}
        return started(nginx, self.api, folder, service_port=self.ports[0], more_services=names)

    def join(self, performance: object, count: int = 20, **headers: str) -> set[int]:
        """Return the statuses that there are among so many joins."""
        return set(self.joins(performance, count, **headers))

    def joins(self, performance: object, count: int, **headers: str) -> list[int]:
        """Return the status of each of so many joins."""
        path = f"/api/v1/performances/{performance}/queue/"
        send = self.entry.post
        return [send(path, content="{}", headers=headers).status_code for _ in range(count)]

    def where(self, performance: object) -> dict[int, int]:
        """Return how many joins of a performance each process has answered."""
        path = f"/api/v1/performances/{performance}/queue/"
        counts = {
            n: sum(asked == path for asked, _, _ in one.answered)
            for n, one in enumerate(self.processes)
        }
        return {n: count for n, count in counts.items() if count}

    def end(self, number: int) -> None:
        self._stacks[number].close()


@pytest.fixture
def room(nginx, tmp_path_factory) -> Iterator[Room]:
    with ExitStack() as stack:
        yield Room(nginx, tmp_path_factory.mktemp("gateway"), stack)


def test_before_the_opening_joins_are_spread_over_all_processes(room):
    for one in room.processes:
        one.has_opened = False
    performance = uuid4()
    assert room.join(performance, 30) == {201}
    assert set(room.where(performance)) == set(range(COUNT))
    assert not any(one.sent_on for one in room.processes)


def test_after_it_those_of_a_sale_meet_in_one_as_they_were_sent(room):
    performance = uuid4()
    assert room.join(performance, 30, Authorization="Bearer a.b.c") == {201}
    [home] = room.where(performance)
    assert set(room.processes[home].answered) == {
        (f"/api/v1/performances/{performance}/queue/", "{}", "Bearer a.b.c")
    }
    # The first look went to any of them, as before the opening.
    assert all(one.sent_on for one in room.processes)


def test_sales_share_the_processes(room):
    performances = [uuid4() for _ in range(40)]
    for performance in performances:
        assert room.join(performance, 1) == {201}
    homes = [number for one in performances for number in room.where(one)]
    assert len(homes) == 40
    assert set(homes) == set(range(COUNT))


def test_another_gateway_sends_them_to_the_same(room, nginx, tmp_path_factory):
    performances = [uuid4() for _ in range(12)]
    names = {f"fastpath-{n}": port for n, port in enumerate(room.ports[1:], 2)}
    here = room.entry
    with started(
        nginx,
        room.api,
        tmp_path_factory.mktemp("another"),
        service_port=room.ports[0],
        more_services=names,
    ) as there:
        for performance in performances:
            for room.entry in (here, there):
                assert room.join(performance, 1) == {201}
    assert [list(room.where(one).values()) for one in performances] == [[2]] * 12


def test_where_the_process_of_a_line_is_gone_the_next_one_has_it(room):
    performance = uuid4()
    room.join(performance)
    [home] = room.where(performance)
    room.end(home)
    assert room.join(performance) == {201}
    [next_one] = set(room.where(performance)) - {home}
    assert room.where(performance)[next_one] == 20
    # Lines of the others stay where they are.
    assert not room.api.seen


def test_a_process_that_was_drained_gets_no_line(room):
    performance = uuid4()
    room.join(performance)
    [home] = room.where(performance)
    room.entry.gateway.send_nothing_to(f"fastpath-{home + 1}" if home else "fastpath")
    assert room.join(performance) == {201}
    assert room.where(performance)[home] == 20
    assert len(room.where(performance)) == 2


def test_a_join_that_may_have_had_an_effect_is_not_sent_twice(room):
    """The process of the line has read it and hung up: nobody else gets it, but those after it."""
    performance = uuid4()
    room.join(performance)
    [home] = room.where(performance)
    for number, one in enumerate(room.processes):
        one.answered.clear()
        one.breaks = number == home
    statuses = room.joins(performance, 12)
    assert 503 in statuses
    # Each that was answered was answered once; for a while the process is left alone.
    assert sum(room.where(performance).values()) == statuses.count(201)
    assert set(statuses) <= {201, 503}
    assert not room.api.seen


def test_without_any_process_the_api_answers_joins(room):
    performance = uuid4()
    for number in range(COUNT):
        room.end(number)
    assert room.join(performance, 6) == {200}
    assert len(room.api.seen) == 6


def test_the_last_process_answers_its_line_by_itself(room):
    performance = uuid4()
    for number in range(1, COUNT):
        room.end(number)
    assert room.join(performance, 6) == {201}
    assert room.where(performance) == {0: 6}


def test_nobody_can_name_the_line_or_say_that_he_was_sent_on(room):
    performance = uuid4()
    assert room.join(performance, 3, **{"X-Queue-Line": "no"}) == {201}
    assert sum(len(one.sent_on) for one in room.processes) == 3
    for address in ("/@line", "/@without_line", "/%40line"):
        assert room.entry.get(address).status_code == 200  # the API's own, which has no such page
    assert len(room.api.seen) == 3


def test_with_one_process_no_join_is_asked_about(client, service, public):
    client.post(public)
    assert "x-queue-line" not in service.seen[0]


@pytest.mark.control
def test_control_by_turns_a_sale_would_meet_in_several(template, room, nginx, tmp_path_factory):
    template("        hash $performance consistent;\n", "")
    with room.behind(nginx, tmp_path_factory.mktemp("another")) as room.entry:
        performance = uuid4()
        room.join(performance)
        assert len(room.where(performance)) > 1


@pytest.mark.control
def test_control_without_the_look_at_what_was_sent_a_join_would_be_sent_twice(
    template, room, nginx, tmp_path_factory
):
    template("            if ($was_sent) {\n                return 503;\n            }\n", "")
    with room.behind(nginx, tmp_path_factory.mktemp("another")) as room.entry:
        performance = uuid4()
        room.join(performance)
        [home] = room.where(performance)
        room.processes[home].breaks = True
        room.join(performance, 6)
        assert room.api.seen
