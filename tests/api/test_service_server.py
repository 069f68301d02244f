"""The service's HTTP server against slow, split, oversized, pipelined and smuggled requests."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastpath import http_connection, http_server
from fastpath.http_connection import PendingResponse, Reply
from fastpath.http_server import HttpServer
from fastpath.messages import Request, Response

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"


class Application:
    """Responds later with what it read, at once to `/at-once`; `held` holds its responses back."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.ended: list[bytes] = []
        self.held: asyncio.Event | None = None

    def __call__(self, request: Request, reply: Reply) -> Response | PendingResponse:
        self.requests.append(request)
        if request.target == b"/defect":
            raise LookupError("a defect")
        if request.target == b"/at-once":
            return Response(200)
        answering = asyncio.ensure_future(self._answer(request))
        answering.add_done_callback(lambda done: done.cancelled() or reply(done.result()))
        return answering

    async def _answer(self, request: Request) -> Response:
        try:
            if self.held is not None:
                await self.held.wait()
        finally:
            self.ended.append(request.target)
        return Response(200, [("Content-Length", str(len(request.target)))], request.target)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        line, *fields = head.strip().split("\r\n")
        headers = dict(field.split(": ", 1) for field in fields)
        body = await self.reader.readexactly(int(headers.get("Content-Length", 0)))
        return int(line.split()[1]), headers, body

    async def is_closed(self) -> bool:
        return await self.reader.read() == b""


class Play:
    """A server in a loop, and its clients."""

    def __init__(self, port: int, application: Application, server: HttpServer) -> None:
        self.port, self.application, self.server = port, application, server
        self.clients: list[Client] = []

    async def client(self) -> Client:
        self.clients.append(Client(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.clients[-1]

    async def until(self, condition: Callable[[], object], *, seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.005)


def run(act: Callable[[Play], Awaitable[object]]) -> Application:
    application = Application()

    async def acting() -> None:
        server = HttpServer(application)
        listening = http_server.listening_socket("127.0.0.1", 0, backlog=64)
        play = Play(listening.getsockname()[1], application, server)
        serving = asyncio.create_task(server.serve(listening, stop_seconds=2))
        try:
            async with asyncio.timeout(30):
                await act(play)
        finally:
            for client in play.clients:
                client.writer.close()
                with suppress(ConnectionError):
                    await client.writer.wait_closed()
            server.stop()
            await serving
        assert not server.connections

    asyncio.run(acting())
    return application


def answers_to(*pieces: bytes, pause: float = 0.0) -> list[tuple[int, bytes]]:
    """Return what comes back, until the connection is closed, for bytes sent in these pieces."""
    received: list[tuple[int, bytes]] = []

    async def act(play: Play) -> None:
        client = await play.client()
        for piece in pieces:
            await client.send(piece)
            await asyncio.sleep(pause)
        while True:
            try:
                status, _, body = await client.response()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            received.append((status, body))

    run(act)
    return received


LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_requests_of_a_connection_are_answered_in_their_order():
    assert answers_to(GET * 40 + LAST) == [(200, b"/a")] * 40 + [(200, b"/last")]


def test_a_request_may_come_in_any_pieces():
    raw = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + LAST
    assert answers_to(*(raw[at : at + 1] for at in range(len(raw)))) == [
        (200, b"/b"),
        (200, b"/last"),
    ]


def test_what_it_reads_is_what_was_sent():
    async def act(play):
        client = await play.client()
        await client.send(
            b"POST /c?d=%20 HTTP/1.1\r\nHOST: x\r\nX-A: \xff \r\nX-A: 2\r\n"
            b"Content-Length: 5\r\n\r\nhello"
        )
        assert (await client.response())[0] == 200

    [read] = run(act).requests
    assert (read.method, read.target, read.body) == ("POST", b"/c?d=%20", b"hello")
    assert read.headers == [
        *((b"host", b"x"), (b"x-a", b"\xff"), (b"x-a", b"2"), (b"content-length", b"5")),
    ]


SMUGGLED = {
    "two lengths": b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
    b"Content-Length: 30\r\n\r\n",
    "a list of lengths": b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n",
    "a signed length": b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n",
    "a length and chunks": b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks under another name": b"POST /a HTTP/1.1\r\nHost: x\r\n"
    b"Transfer-Encoding: xchunked\r\n\r\n",
    "a folded header": b"GET /a HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n  2\r\n\r\n",
    "a space before the colon": b"GET /a HTTP/1.1\r\nHost : x\r\n\r\n",
    "bare line feeds": b"GET /a HTTP/1.1\nHost: x\n\n",
    "a null byte": b"GET /a HTTP/1.1\r\nX-A: \x00\r\n\r\n",
    "no version": b"GET /a\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a wrong chunk": b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_could_be_read_in_two_ways_is_refused_and_ends_the_connection(name):
    assert answers_to(SMUGGLED[name] + LAST) == [(400, b"")]


def test_what_is_refused_ends_a_connection_after_the_responses_before_it():
    assert answers_to(GET + GET + SMUGGLED["a folded header"]) == [
        *((200, b"/a"), (200, b"/a"), (400, b"")),
    ]


def test_chunks_are_read_whole():
    raw = (
        b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )

    async def act(play):
        client = await play.client()
        await client.send(raw + GET)
        assert [(await client.response())[0] for _ in range(2)] == [200, 200]

    assert [one.body for one in run(act).requests] == [b"abcde", b""]


CHUNKED = b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_fields_behind_the_chunks_are_no_headers():
    raw = CHUNKED + b"2\r\n{}\r\n0\r\nX-Forwarded-For: 1.2.3.4\r\nAuthorization: Bearer a\r\n\r\n"

    async def act(play):
        client = await play.client()
        await client.send(raw)
        assert (await client.response())[0] == 200

    [read] = run(act).requests
    assert (read.headers, read.body) == (
        [(b"host", b"x"), (b"transfer-encoding", b"chunked")],
        b"{}",
    )


@pytest.mark.parametrize(
    "endless",
    [
        b"0\r\n" + b"X-A: 1\r\n" * 400_000,
        b"0\r\nX-A: " + b"1" * 3_000_000,
        b"2;" + b"a" * 3_000_000,
        b"1\r\nx\r\n" * 500_000,
    ],
    ids=["fields", "a field", "an extension", "small chunks"],
)
def test_what_frames_a_body_counts_as_the_body_does(endless):
    async def act(play):
        client = await play.client()
        with suppress(ConnectionError):
            await client.send(CHUNKED + endless)
        await play.until(lambda: not play.server.connections, seconds=10)

    assert run(act).requests == []


def test_a_body_too_long_to_be_kept_is_read_to_its_end_and_dropped():
    size = http_connection.KEPT_BODY_BYTES + 1

    async def act(play):
        client = await play.client()
        await client.send(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
        await client.send(b"x" * size + GET)
        assert [(await client.response())[0] for _ in range(2)] == [200, 200]

    assert [one.body for one in run(act).requests] == [None, b""]


def test_a_body_longer_than_the_gateway_lets_through_ends_the_connection():
    size = http_connection._BODY_BYTES + 300_000
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (2 * size)
    assert answers_to(head, b"x" * size) == [(413, b"")]


@pytest.mark.parametrize("line", [b"X-A: 1\r\n", b"X-A: " + b"1" * 4000 + b"\r\n"])
def test_a_head_without_an_end_ends_the_connection(line):
    lines = line * (4 * http_connection._HEAD_BYTES // len(line))
    assert answers_to(b"GET /a HTTP/1.1\r\nHost: x\r\n", lines) == [(431, b"")]


def test_who_is_slow_with_a_request_is_cut_off_and_who_is_idle_later(monkeypatch):
    monkeypatch.setattr(http_server, "_SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(http_connection, "_MESSAGE_SECONDS", 0.1)

    async def act(play):
        slow, idle = await play.client(), await play.client()
        await idle.send(GET)
        assert (await idle.response())[0] == 200
        await slow.send(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert await slow.is_closed()
        await idle.send(GET)
        assert (await idle.response())[0] == 200
        monkeypatch.setattr(http_connection, "_IDLE_SECONDS", 0.1)
        assert await idle.is_closed()

    run(act)


def test_all_who_wait_to_be_accepted_are_accepted_in_few_turns():
    """A busy turn takes a third of a second, and a crowd opens a thousand connections at once."""

    async def serving(server: HttpServer) -> int:
        listening = http_server.listening_socket("127.0.0.1", 0, backlog=1024)
        address = listening.getsockname()
        waiting = [socket.create_connection(address) for _ in range(500)]
        task = asyncio.create_task(server.serve(listening, stop_seconds=2))
        turns = 0
        while len(server.connections) < len(waiting):
            turns += 1
            await asyncio.sleep(0)
        for client in waiting:
            client.close()
        server.stop()
        await task
        return turns

    assert uvloop.run(serving(HttpServer(Application()))) < 50


def accept_fails_at_first(monkeypatch, error: int) -> None:
    """Let three calls of accept fail, and a client be served all the same."""

    class Failing(socket.socket):
        failed = 0

        def accept(self):
            if Failing.failed < 3:
                Failing.failed += 1
                raise OSError(error, "a test")
            return super().accept()

    async def act(play):
        client = await play.client()
        await client.send(GET)
        assert (await client.response())[0] == 200

    made = http_server.listening_socket

    def failing(host, port, *, backlog):
        listening = made(host, port, backlog=backlog)
        return Failing(fileno=listening.detach())

    monkeypatch.setattr(http_server, "listening_socket", failing)
    run(act)
    assert Failing.failed == 3


def test_without_file_descriptors_it_waits_for_some(monkeypatch):
    """A server that asked again at once would do nothing else."""
    monkeypatch.setattr(http_server, "_FULL_SECONDS", 0.05)
    accept_fails_at_first(monkeypatch, errno.EMFILE)


def test_who_is_gone_before_being_accepted_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setattr(http_server, "_FULL_SECONDS", 3600)
    accept_fails_at_first(monkeypatch, errno.ECONNABORTED)


def test_who_leaves_is_not_waited_for():
    async def act(play):
        play.application.held = asyncio.Event()
        gone, left = await play.client(), await play.client()
        await gone.send(b"GET /gone HTTP/1.1\r\nHost: x\r\n\r\n")
        await left.send(GET)
        await play.until(lambda: len(play.application.requests) == 2)
        gone.writer.close()
        await play.until(lambda: play.application.ended == [b"/gone"])
        play.application.held.set()
        assert (await left.response())[0] == 200

    run(act)


def test_who_does_not_read_is_not_read_from():
    async def act(play):
        client = await play.client()
        client.writer.transport.pause_reading()
        play.application.held = asyncio.Event()
        client.writer.write(GET * 20_000)
        await play.until(lambda: play.application.requests)
        [connection] = play.server.connections
        assert not connection._is_read
        play.application.held.set()
        client.writer.transport.resume_reading()
        assert [(await client.response())[0] for _ in range(20_000)] == [200] * 20_000

    run(act)


def test_who_never_reads_the_responses_keeps_no_connection():
    async def act(play):
        client = await play.client()
        client.writer.transport.pause_reading()
        client.writer.write((b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n") * 400)
        await play.until(lambda: play.server.connections)
        [connection] = play.server.connections
        await play.until(lambda: not connection._is_writable and connection._pending is None)
        connection.close_if_late(float("inf"))
        for _ in range(5):
            await asyncio.sleep(0)
        assert play.server.connections  # closed, it still waits for its caller
        connection.close_if_late(float("inf"))
        await play.until(lambda: not play.server.connections)

    run(act)


def test_a_defect_is_an_error_of_that_request_alone():
    raw = b"GET /defect HTTP/1.1\r\nHost: x\r\n\r\n"
    assert answers_to(raw + LAST) == [(500, b""), (200, b"/last")]


def test_responses_at_once_and_later_ones_keep_the_order_of_the_requests():
    at_once = b"GET /at-once HTTP/1.1\r\nHost: x\r\n\r\n"
    assert answers_to((at_once + GET) * 20 + at_once + LAST) == [
        *[(200, b""), (200, b"/a")] * 20,
        (200, b""),
        (200, b"/last"),
    ]


def test_nothing_behind_the_last_request_of_a_connection_is_looked_at():
    at_once = b"GET /at-once HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    async def act(play):
        client = await play.client()
        await client.send(at_once + GET * 3)
        assert (await client.response())[0] == 200
        assert await client.is_closed()

    assert [one.target for one in run(act).requests] == [b"/at-once"]


def test_a_response_to_who_has_gone_is_sent_to_nobody():
    class Late(Application):
        def __call__(self, request, reply):
            self.requests.append(request)
            self.reply = reply
            return asyncio.get_running_loop().create_future()

    async def act(play):
        play.server.application = late = Late()
        client = await play.client()
        await client.send(GET)
        await play.until(lambda: late.requests)
        client.writer.close()
        await play.until(lambda: not play.server.connections)
        late.reply(Response(200))

    run(act)


def test_an_upgrade_is_answered_once_and_ends_the_connection():
    raw = b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert answers_to(raw + GET) == [(200, b"/a")]


def test_http_1_0_closes_after_the_response():
    assert answers_to(b"GET /a HTTP/1.0\r\n\r\n") == [(200, b"/a")]


def test_a_body_that_waits_to_be_asked_for_is_asked_for():
    async def act(play):
        client = await play.client()
        await client.send(
            b"POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"{}")
        assert (await client.response())[0] == 200

    assert run(act).requests[0].body == b"{}"


def test_a_server_that_stops_answers_what_has_come():
    async def act(play):
        play.application.held = asyncio.Event()
        busy, idle = await play.client(), await play.client()
        await busy.send(GET)
        await play.until(lambda: play.application.requests)
        play.server.stop()
        assert await idle.is_closed()
        play.application.held.set()
        status, headers, _ = await busy.response()
        assert (status, headers["Connection"]) == (200, "close")
        assert await busy.is_closed()

    run(act)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    bodies=st.lists(st.binary(max_size=40), max_size=6),
    cuts=st.lists(st.integers(0, 800), max_size=8),
)
def test_however_requests_are_cut_each_is_read_as_it_was_sent(bodies, cuts):
    raw = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (at, len(body), body)
        for at, body in enumerate(bodies)
    )
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]

    async def act(play):
        client = await play.client()
        for start, end in pairwise(edges):
            await client.send(raw[start:end])
            await asyncio.sleep(0)
        assert [(await client.response())[2] for _ in bodies] == [
            b"/%d" % at for at in range(len(bodies))
        ]

    assert [one.body for one in run(act).requests] == bodies


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_leave_a_connection_or_an_error_behind(raw):
    async def act(play):
        client = await play.client()
        await client.send(raw)
        client.writer.write_eof()
        await client.reader.read()
        await play.until(lambda: not play.server.connections)

    run(act)
