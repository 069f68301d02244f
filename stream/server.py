"""The process's server: uvicorn, whose connections say when they are lost and can be cut.

Note [Beside ASGI]
ASGI lets an application wait for the end of a connection, which would be a second task for each of
thousands, and lets nobody close one whose reader has stopped: what is written waits for ever. So
the application is given the connection too: it calls `on_lost`, `abort` drops what waits, and
`push` writes an event of thousands (Note [Written where it is made] in stream/rooms.py).
"""

from collections.abc import Callable
from socket import socket

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stream.application import CONNECTION, Application
from stream.hub import Hub

STOP_SECONDS = 4
_IDLE_SECONDS = 5


class StreamConnection(HttpToolsProtocol):
    """A connection of uvicorn's (Note [Beside ASGI])."""

    on_lost: Callable[[], None] | None = None

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["state"][CONNECTION] = self

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the listener, whose task then ends."""
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def push(self, framed: bytes) -> bool:
        """Write a chunk of HTTP/1.1 (RFC 9112, 7.1), unless what was written before still waits."""
        if self.flow.write_paused or self.transport.is_closing():
            return False
        self.transport.write(framed)
        return True

    def abort(self) -> None:
        """Close at once, whatever has not been sent yet."""
        self.transport.abort()


class StreamServer(uvicorn.Server):
    """uvicorn's server, which sends the listeners off before it closes."""

    def __init__(self, hub: Hub, host: str, port: int, *, backlog: int) -> None:
        super().__init__(
            uvicorn.Config(
                Application(hub),
                host=host,
                port=port,
                http=StreamConnection,
                ws="none",
                lifespan="off",
                interface="asgi3",
                backlog=backlog,
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=_IDLE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._hub = hub

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Take nobody more, end the streams, close."""
        self._hub.drain()
        await super().shutdown(sockets)
