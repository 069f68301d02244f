"""The service's HTTP/1.1 server: httptools parses, one event loop serves every connection.

Note [A server of our own]
Kept servers hand each request to Python in forms that cost more than what the service does with it
(docs/decisions/0032). This one stands behind the gateway and does no more than HTTP/1.1 needs:
llhttp, which Node.js uses too, parses and refuses what could be read in two ways (Content-Length
beside Transfer-Encoding, bare line feeds, folded headers). Requests of a connection are answered
one after another and in their order. Each is read to its end before it is looked at, which the
gateway has done already; what is longer than any hot request's body is counted and dropped.

Note [Bounds of a connection]
A connection may send `_HEAD_BYTES` before the body and `_BODY_BYTES` of it; what frames its chunks
counts too, and fields behind the last one are dropped. It has `_MESSAGE_SECONDS` to finish what it
began, and is closed when it was idle for `_IDLE_SECONDS`, later than the gateway closes those it
keeps. While `_PIPELINED` of its requests wait, or the caller does not read the responses, nothing
more is read from it. A caller who still does not read them when its time is over loses them.
"""

import asyncio
import logging
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from fastpath.messages import Request, Response

log = logging.getLogger(__name__)

KEPT_BODY_BYTES = 64 * 1024
_HEAD_BYTES = 64 * 1024
_BODY_BYTES = 2 * 1024 * 1024  # the gateway lets 1 MiB through
_MESSAGE_SECONDS = 15.0
_IDLE_SECONDS = 90.0
_PIPELINED = 16
_ACCEPTED_AT_ONCE = 256
_FULL_SECONDS = 0.5
_VERSIONS = {"1.1", "1.0"}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_SWEEP_SECONDS = 1.0
_STOP_LOOK_SECONDS = 0.02

Application = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """The connections of one process; to be used on one event loop."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.connections: set[HttpConnection] = set()
        self.is_stopping = False
        self._stopped = asyncio.Event()
        self._making: set[asyncio.Task[None]] = set()  # a loop keeps no task alive

    def stop(self) -> None:
        """Let `serve` come to its end."""
        self._stopped.set()

    async def serve(self, listening: socket.socket, *, stop_seconds: float) -> None:
        """Serve until `stop`; then answer what has come, for `stop_seconds` at most."""
        self.loop = loop = asyncio.get_running_loop()
        listening.setblocking(False)
        self._listen(listening)
        sweeper = loop.create_task(self._sweep())
        await self._stopped.wait()
        self.is_stopping = True
        loop.remove_reader(listening)
        listening.close()
        await self._close_all(stop_seconds)
        sweeper.cancel()

    def _accept(self, listening: socket.socket) -> None:
        """Accept all who wait: uvloop's own server takes one in each turn of a busy loop."""
        try:
            for _ in range(_ACCEPTED_AT_ONCE):
                accepted, _address = listening.accept()
                making = self.loop.create_task(self._connect(accepted))
                self._making.add(making)
                making.add_done_callback(self._making.discard)
        except (BlockingIOError, ConnectionError):  # nobody waits, or somebody who has gone
            return
        except OSError as error:  # no file descriptor is left: the next look is in a moment
            log.warning("no connection can be accepted", extra={"error": repr(error)})
            self.loop.remove_reader(listening)
            self.loop.call_later(_FULL_SECONDS, self._listen, listening)

    def _listen(self, listening: socket.socket) -> None:
        if not self.is_stopping:
            self.loop.add_reader(listening, self._accept, listening)

    async def _connect(self, accepted: socket.socket) -> None:
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self.loop.connect_accepted_socket(lambda: HttpConnection(self), accepted)
        except OSError:
            accepted.close()  # it has gone already

    async def _close_all(self, seconds: float) -> None:
        """Close idle connections at once, and others once they have answered."""
        ends_at = time.monotonic() + seconds
        while self.connections and time.monotonic() < ends_at:
            for connection in list(self.connections):
                connection.close_if_idle()
            await asyncio.sleep(_STOP_LOOK_SECONDS)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            now = time.monotonic()
            for connection in list(self.connections):
                connection.close_if_late(now)


class HttpConnection(asyncio.Protocol):
    """One connection (Note [Bounds of a connection])."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._parser = HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._answering: asyncio.Task[None] | None = None
        self._request: Request | None = None  # what is being read
        self._is_in_head = self._begins_here = False
        self._further_bytes = 0  # of the message, behind the piece that began it
        self._body_bytes = 0
        self._body: list[bytes] = []
        self._last_words: Response | None = None  # to what could not be read
        self._is_writable = True
        self._is_read = True
        self._since = time.monotonic()

    # What the event loop calls.

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._client_ip = str(peer[0]) if peer else ""
        self._server.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._last_words is not None:
            return
        self._begins_here = False
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._adjust_reading()  # the request itself has been read, and is the last
        except HttpParserError:
            self._end_with(Response(400))
        else:
            self._further_bytes = 0 if self._begins_here else self._further_bytes + len(data)
            self._check_length()

    def _check_length(self) -> None:
        if self._request is None:
            return
        if self._is_in_head and self._further_bytes > _HEAD_BYTES:
            self._end_with(Response(431))
        elif self._body_bytes > _BODY_BYTES or self._further_bytes > _HEAD_BYTES + _BODY_BYTES:
            self._end_with(Response(413))

    def pause_writing(self) -> None:
        self._is_writable = False
        self._adjust_reading()

    def resume_writing(self) -> None:
        self._is_writable = True
        self._adjust_reading()
        self._answer_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._waiting.clear()
        if self._answering is not None:
            self._answering.cancel()  # who has gone is left out of the next batch

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._request = Request(self._client_ip)
        self._is_in_head = self._begins_here = True
        self._since = time.monotonic()

    def on_url(self, url: bytes) -> None:
        assert self._request is not None
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self._request is not None
        if self._is_in_head:  # those behind a body could name another caller
            self._request.headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        assert self._request is not None
        self._request.method = self._parser.get_method().decode("latin-1")
        parser = self._parser
        if parser.get_http_version() not in _VERSIONS:
            raise HttpParserError("not HTTP/1")
        self._request.is_followed = parser.should_keep_alive() and not parser.should_upgrade()
        self._is_in_head = False
        if any(name == b"expect" for name, _ in self._request.headers):
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes <= KEPT_BODY_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        request, self._request = self._request, None
        assert request is not None
        if self._body_bytes:
            is_kept = self._body_bytes <= KEPT_BODY_BYTES
            request.body = b"".join(self._body) if is_kept else None
            self._body.clear()
            self._body_bytes = 0
        self._waiting.append(request)
        self._adjust_reading()
        self._answer_next()

    # Answering, one request after another.

    def _answer_next(self) -> None:
        if self._answering is not None or not self._is_writable:
            return
        if self._waiting:
            answer = self._answer(self._waiting.popleft())
            self._answering = self._server.loop.create_task(answer)
        elif self._last_words is not None:
            self._send(self._last_words, is_last=True)

    async def _answer(self, request: Request) -> None:
        try:
            response = await self._server.application(request)
        except Exception:
            log.exception("no response was made")
            response = Response(500)
        self._answering = None
        self._since = time.monotonic()
        self._send(response, is_last=not request.is_followed or self._server.is_stopping)
        self._adjust_reading()
        self._answer_next()

    def _send(self, response: Response, *, is_last: bool) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(response.encoded(is_last=is_last))
        if is_last:
            self._waiting.clear()
            self._transport.close()

    def _end_with(self, response: Response) -> None:
        """Refuse what cannot be read, after the responses that are due before it."""
        self._last_words = response
        self._adjust_reading()
        self._answer_next()

    def _adjust_reading(self) -> None:
        is_wanted = (
            self._is_writable and self._last_words is None and len(self._waiting) < _PIPELINED
        )
        if is_wanted == self._is_read or self._transport.is_closing():
            return
        self._is_read = is_wanted
        if is_wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    # Ends.

    def close_if_idle(self) -> None:
        """Close it unless it has something to answer."""
        if self._answering is None and not self._waiting and self._request is None:
            self._transport.close()

    def close_if_late(self, now: float) -> None:
        """Close it if it was idle for too long, or takes too long for a request."""
        if self._answering is not None:
            return
        longest = _IDLE_SECONDS if self._request is None else _MESSAGE_SECONDS
        if now - self._since > longest:
            if self._transport.is_closing():  # it waits for a caller who reads nothing
                self._transport.abort()
            else:
                self._transport.close()


def listening_socket(host: str, port: int, *, backlog: int) -> socket.socket:
    """Return a socket that listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog)
