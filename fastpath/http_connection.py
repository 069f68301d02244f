"""One connection of the service's server: requests come out of bytes, responses go into them.

Note [Bounds of a connection]
A connection may send `_HEAD_BYTES` before the body and `_BODY_BYTES` of it; what frames its chunks
counts too, and fields behind the last one are dropped. It has `_MESSAGE_SECONDS` to finish what it
began, and is closed when it was idle for `_IDLE_SECONDS`, later than the gateway closes those it
keeps. While `_PIPELINED` of its requests wait, or the caller does not read the responses, nothing
more is read from it. A caller who still does not read them when its time is over loses them.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from fastpath.messages import Request, Response

log = logging.getLogger(__name__)

KEPT_BODY_BYTES = 64 * 1024
_HEAD_BYTES = 64 * 1024
_BODY_BYTES = 2 * 1024 * 1024  # the gateway lets 1 MiB through
_MESSAGE_SECONDS = 15.0
_IDLE_SECONDS = 90.0
_PIPELINED = 16
_VERSIONS = {"1.1", "1.0"}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class PendingResponse(Protocol):
    """A response that comes later."""

    def cancel(self) -> object:
        """Let go of it: its caller has gone."""


Reply = Callable[[Response], None]
# Returns the response, or what stands for it until `reply` is called with it, once, unless that
# was cancelled before.
Application = Callable[[Request, Reply], Response | PendingResponse]


class Server(Protocol):
    """What the connections of a server share."""

    application: Application
    connections: set["HttpConnection"]
    is_stopping: bool


class HttpConnection(asyncio.Protocol):
    """One connection (Note [Bounds of a connection])."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._parser = HttpRequestParser(self)
        self._waiting: deque[Request] = deque()
        self._pending: PendingResponse | None = None  # the response that is due next
        self._is_last = self._is_followed = False
        self._is_amid_message = self._is_in_head = self._begins_here = False
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
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
            if self._is_amid_message:
                self._check_length()

    def _check_length(self) -> None:
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
        if self._pending is not None:
            pending, self._pending = self._pending, None
            pending.cancel()  # who has gone is left out of the next batch

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._target, self._headers = b"", []
        self._is_amid_message = self._is_in_head = self._begins_here = True
        self._since = time.monotonic()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_in_head:  # those behind a body could name another caller
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser.get_http_version() not in _VERSIONS:
            raise HttpParserError("not HTTP/1")
        self._is_followed = parser.should_keep_alive() and not parser.should_upgrade()
        self._is_in_head = False
        for name, _ in self._headers:
            if name == b"expect":
                self._transport.write(_CONTINUE)
                return

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes <= KEPT_BODY_BYTES:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._is_amid_message = False
        body: bytes | None = b""
        if self._body_bytes:
            body = b"".join(self._body) if self._body_bytes <= KEPT_BODY_BYTES else None
            self._body.clear()
            self._body_bytes = 0
        if self._transport.is_closing():
            return  # behind the last request that is answered
        method = self._parser.get_method().decode("latin-1")
        self._waiting.append(
            Request(self._client_ip, method, self._target, self._headers, body, self._is_followed)
        )
        if len(self._waiting) >= _PIPELINED:
            self._adjust_reading()
        self._answer_next()

    # Answering, one request after another.

    def _answer_next(self) -> None:
        while self._waiting and self._pending is None and self._is_writable:
            request = self._waiting.popleft()
            self._is_last = not request.is_followed
            try:
                answer = self._server.application(request, self._reply)
            except Exception:
                log.exception("no response was made")
                answer = Response(500)
            if isinstance(answer, Response):
                self._send(answer)
            else:
                self._pending = answer
        if self._last_words is not None and self._pending is None and self._is_writable:
            self._is_last = True
            self._send(self._last_words)

    def _reply(self, response: Response) -> None:
        """Send the response that was pending, and go on; nobody reads that of who has gone."""
        if self._pending is not None:
            self._pending = None
            self._send(response)
            if self._waiting or self._last_words is not None:
                self._answer_next()

    def _send(self, response: Response) -> None:
        transport = self._transport
        if transport.is_closing():
            return
        self._since = time.monotonic()
        is_last = self._is_last or self._server.is_stopping
        transport.write(response.encoded(is_last=is_last))
        if is_last:
            self._waiting.clear()
            transport.close()
        elif not self._is_read:
            self._adjust_reading()

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
        if self._pending is None and not self._waiting and not self._is_amid_message:
            self._transport.close()

    def close_if_late(self, now: float) -> None:
        """Close it if it was idle for too long, or takes too long for a request."""
        if self._pending is not None:
            return
        longest = _MESSAGE_SECONDS if self._is_amid_message else _IDLE_SECONDS
        if now - self._since > longest:
            if self._transport.is_closing():  # it waits for a caller who reads nothing
                self._transport.abort()
            else:
                self._transport.close()
