"""The service's HTTP/1.1 server: httptools parses, one event loop serves every connection.

Note [A server of our own]
Kept servers hand each request to Python in forms that cost more than what the service does with it
(docs/decisions/0032). This one stands behind the gateway and does no more than HTTP/1.1 needs:
llhttp, which Node.js uses too, parses and refuses what could be read in two ways (Content-Length
beside Transfer-Encoding, bare line feeds, folded headers). Requests of a connection are answered
one after another and in their order. Each is read to its end before it is looked at, which the
gateway has done already; what is longer than any hot request's body is counted and dropped.
"""

import asyncio
import logging
import socket
import time

from fastpath.http_connection import Application, HttpConnection

log = logging.getLogger(__name__)

_ACCEPTED_AT_ONCE = 256
_FULL_SECONDS = 0.5
_SWEEP_SECONDS = 1.0
_STOP_LOOK_SECONDS = 0.02


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


def listening_socket(host: str, port: int, *, backlog: int) -> socket.socket:
    """Return a socket that listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=backlog)
