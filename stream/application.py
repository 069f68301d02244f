"""The ASGI application: two routes of streams, and two of health.

Note [Counted before it is looked at]
A connection is counted, and refused where there is no place for it, before its address leads to a
reading of the API. Nobody is logged in here: cookies, logins and queries are not read.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from stream import metrics
from stream.hub import Hub
from stream.listeners import Listener
from stream.problems import Headers, NoStream, language_of, problem
from stream.rooms import Room, TooSlow

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CONNECTION = "stream.connection"  # of a scope's state: the connection (stream/server.py)
_PATH = re.compile(
    r"/api/v1/performances/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"
    r"/(queue|availability)/stream/"
)
_STREAM = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-accel-buffering", b"no"),
]
_PROBLEM = [
    (b"content-type", b"application/problem+json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]
_ALLOW = ((b"allow", b"GET"),)
_ID_BYTES = 64  # of a Last-Event-ID; ours are shorter


class Application:
    """What uvicorn serves."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path"]
        if path == "/healthz/live":
            await _respond(send, 200, b"", [])
        elif path == "/healthz/ready":
            await self._ready(send)
        else:
            try:
                await self._listen(scope, send)
            except NoStream as refusal:
                await _refuse(send, refusal)

    async def _ready(self, send: Send) -> None:
        """Say whether a newcomer should come: `open`, `full` or `draining`."""
        hub = self._hub
        drains = hub.is_draining or _exists(hub.settings.drain_file)
        state = "draining" if drains else hub.state
        most = hub.settings.connections
        said = {"status": state, "connections": hub.connections, "limit": most}
        status = 503 if drains else 200
        await _respond(
            send, status, json.dumps(said).encode(), [(b"content-type", b"application/json")]
        )

    async def _listen(self, scope: Scope, send: Send) -> None:
        language = language_of(scope["headers"])
        found = _PATH.fullmatch(scope["path"])
        if found is None:
            raise problem(404, "not_found", language)
        if scope["method"] != "GET":
            raise problem(405, "method_not_allowed", language, _ALLOW)
        with self._hub.place(language):
            connection = scope["state"][CONNECTION]
            listener = Listener(connection)
            connection.on_lost = listener.leave
            room = await self._hub.room(found[2], found[1].lower(), language)
            if listener.has_left:
                return
            room = self._hub.join(room, listener)
            try:
                await self._stream(room, listener, _last_id(scope["headers"]), send)
            finally:
                connection.on_lost = None
                self._hub.part(room, listener)

    async def _stream(
        self, room: Room, listener: Listener, last_id: str | None, send: Send
    ) -> None:
        """Send a room's events until somebody ends it: the listener, the room or the process."""
        now = asyncio.get_running_loop().time
        greeting, listener.position = room.greeting(last_id, now())
        await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
        await _write(send, self._retry() + greeting, listener, now())
        while not (listener.has_left or room.is_over or self._hub.is_draining):
            await listener.woken()
            if listener.has_left or listener.position == room.position:
                continue
            try:
                chunk, listener.position = room.after(listener.position), room.position
            except TooSlow:
                listener.cut("buffer")  # and it is lost in a moment
                continue
            await _write(send, chunk, listener, now())
            metrics.lag.observe(now() - room.sent_at)
        if not listener.has_left:
            last = self._retry() if self._hub.is_draining else b""
            await send({"type": "http.response.body", "body": last, "more_body": False})

    def _retry(self) -> bytes:
        return b"retry: %d\n\n" % self._hub.retry_milliseconds()


async def _write(send: Send, chunk: bytes, listener: Listener, now: float) -> None:
    """Write to a listener, which waits where the connection's buffer is full."""
    listener.sending_since = now
    await send({"type": "http.response.body", "body": chunk, "more_body": True})
    listener.sending_since = None


def _exists(drain_file: str) -> bool:
    """Say whether the process is to be sent nobody more; it still takes who comes."""
    return bool(drain_file) and Path(drain_file).exists()


def _last_id(headers: Headers) -> str | None:
    for name, value in headers:
        if name == b"last-event-id" and value:
            return value[:_ID_BYTES].decode("latin-1")
    return None


async def _refuse(send: Send, refusal: NoStream) -> None:
    names = {name for name, _ in refusal.headers}
    ours = [(name, value) for name, value in _PROBLEM if name not in names]
    await _respond(send, refusal.status, refusal.body, [*ours, *refusal.headers])


async def _respond(send: Send, status: int, body: bytes, headers: Headers) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
