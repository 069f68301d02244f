"""The connections of a load client, cheap enough to share the cores with the server.

One thread, epoll, no library. A connection that ends is opened again, and who waited on it gets a
response with the status `LOST`: what became of the request is unknown. The connection that was used
last is used next: one that has waited for long may be closed by the server just as a request is
sent, which would look as if the server had lost it.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

LOST = "000"
_LOST = b"HTTP/1.1 000 lost\r\n\r\n"
_WITHOUT_BODY = (b"204", b"304")
_AT_ONCE = 262144  # bytes
_OPEN_SECONDS = 10.0
_REOPEN_SECONDS = 0.25
_CLOSES = b"\r\nConnection: close"


@dataclass(slots=True, eq=False)
class Pool:
    """The connections to one server on this machine; `free` are those without a request."""

    port: int
    free: deque["Connection"] = field(default_factory=deque)


@dataclass(slots=True, eq=False)
class Connection:
    """One connection, and the request under way on it."""

    socket: socket.socket
    pool: Pool
    due: float = 0.0
    sent: float = 0.0
    subject: Any = None  # what the request belongs to; None: none is under way
    received: bytearray = field(default_factory=bytearray)


class WireResponse(NamedTuple):
    """A whole response to the request `subject`, due at `due`; its body begins at `head` + 4."""

    subject: Any
    due: float
    data: bytes
    head: int

    @property
    def status(self) -> str:
        """The three digits; `LOST` where no response came."""
        return self.data[9:12].decode()

    @property
    def body(self) -> bytes:
        """The body as it came."""
        return self.data[self.head + 4 :]


class Wire:
    """Connections to a server on this machine, or to several, each with a request at a time."""

    def __init__(self, port: int, connections: int) -> None:
        self._poll = select.epoll()
        self._by_descriptor: dict[int, Connection] = {}
        self._broken: list[Connection] = []
        self._opening: set[Connection] = set()
        self._reopen_at = 0.0
        self.busy = 0  # how many wait for a response
        self.pool = self.connect(port, connections)

    @property
    def free(self) -> deque[Connection]:
        """The free connections to the first server."""
        return self.pool.free

    def connect(self, port: int, connections: int) -> Pool:
        """Connect to another server."""
        pool = Pool(port)
        for _ in range(connections):
            opened = socket.create_connection(("127.0.0.1", port), timeout=_OPEN_SECONDS)
            connection = Connection(opened, pool)
            self._register(connection, select.EPOLLIN)
            self._is_open(connection)
        return pool

    def _register(self, connection: Connection, events: int) -> None:
        descriptor = connection.socket.fileno()
        self._by_descriptor[descriptor] = connection
        self._poll.register(descriptor, events)

    def _is_open(self, connection: Connection) -> None:
        connection.socket.settimeout(_OPEN_SECONDS)
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.pool.free.append(connection)

    def send(self, request: bytes, *, due: float, subject: Any, pool: Pool | None = None) -> None:
        """Send on a free connection what was due then; `subject` comes back with the response.

        It goes to the first server unless the `pool` of another is given.
        """
        connection = (pool or self.pool).free.pop()
        connection.due, connection.subject, connection.sent = due, subject, time.monotonic()
        self.busy += 1
        # A connection that just ended says so at the next look.
        with suppress(OSError):
            connection.socket.sendall(request)

    def received(self, seconds: float) -> Iterator[WireResponse]:
        """Return the responses that come within that time, at the first look that finds any."""
        if self._broken and time.monotonic() > self._reopen_at:
            self._reopen()
        for descriptor, _events in self._poll.poll(seconds):
            connection = self._by_descriptor.get(descriptor)
            if connection in self._opening:
                self._end_opening(connection)
            elif connection is not None:
                whole = self._receive(connection)
                if whole is not None:
                    yield whole

    def lose_older(self, moment: float) -> Iterator[WireResponse]:
        """Give up the requests sent before `moment`; return them as lost."""
        late = [c for c in self._by_descriptor.values() if c.subject is not None]
        for connection in late:
            if connection.sent < moment:
                yield self._lost(connection)

    def _receive(self, connection: Connection) -> WireResponse | None:
        try:
            data = connection.socket.recv(_AT_ONCE)
        except OSError:
            data = b""
        if not data:
            if connection.subject is not None:
                return self._lost(connection)
            self._end(connection)
            return None
        if connection.received:
            connection.received += data
            if not _is_whole(connection.received):
                return None
            data = bytes(connection.received)
            connection.received = bytearray()
        elif not _is_whole(data):
            connection.received = bytearray(data)
            return None
        head = data.find(b"\r\n\r\n")
        found = WireResponse(connection.subject, connection.due, data, head)
        connection.subject = None
        self.busy -= 1
        connection.pool.free.append(connection)
        if data.find(_CLOSES, 0, head) >= 0:
            self._end(connection)
        return found

    def _lost(self, connection: Connection) -> WireResponse:
        found = WireResponse(connection.subject, connection.due, _LOST, len(_LOST) - 4)
        connection.subject = None
        self.busy -= 1
        self._end(connection)
        return found

    def _end(self, connection: Connection) -> None:
        """Close a connection and remember to open it again."""
        descriptor = connection.socket.fileno()
        self._poll.unregister(descriptor)
        del self._by_descriptor[descriptor]
        connection.socket.close()
        connection.received = bytearray()
        with suppress(ValueError):
            connection.pool.free.remove(connection)
        self._broken.append(connection)

    def _reopen(self) -> None:
        """Begin to open what was closed; nobody waits for it here."""
        self._reopen_at = time.monotonic() + _REOPEN_SECONDS
        broken, self._broken = self._broken, []
        for connection in broken:
            connection.socket = socket.socket()
            connection.socket.setblocking(False)
            connection.socket.connect_ex(("127.0.0.1", connection.pool.port))
            self._opening.add(connection)
            self._register(connection, select.EPOLLOUT)

    def _end_opening(self, connection: Connection) -> None:
        self._opening.discard(connection)
        if connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._end(connection)
            return
        self._poll.modify(connection.socket.fileno(), select.EPOLLIN)
        self._is_open(connection)

    def close(self) -> None:
        """Close every connection."""
        for connection in self._by_descriptor.values():
            connection.socket.close()
        self._poll.close()


def _is_whole(data: bytes | bytearray) -> bool:
    head = data.find(b"\r\n\r\n")
    if head < 0:
        return False
    if data[9:12] in _WITHOUT_BODY:
        return True
    start = data.find(b"content-length: ", 0, head)
    if start < 0:
        start = data.find(b"Content-Length: ", 0, head)
    if start >= 0:
        return len(data) >= head + 4 + int(data[start + 16 : data.find(b"\r\n", start)])
    if b"chunked" in data[:head]:
        return data.endswith(b"\r\n0\r\n\r\n") or data[head + 4 :] == b"0\r\n\r\n"
    raise ValueError(f"neither a length nor chunks in {bytes(data[:head])!r}")
