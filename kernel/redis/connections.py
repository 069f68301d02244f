"""A stack of open connections to one Redis server, for calls that take microseconds.

Note [Connection stack]
A call of a function costs the server 20 to 60 us. redis-py's client adds more than that around it
(it checks the pooled connection, measures, retries) and makes four system calls, each of which
releases the interpreter's lock. Here a thread takes the connection that was used last, sends,
receives and puts it back. redis-py opens the connections: addresses, TLS, login, its error classes.
Time-outs are the operating system's (SO_RCVTIMEO), so that no poll is needed first. A connection
that the server has closed is found out by using it: then every open one is closed, and the command
is sent once more over a new connection. So a command may run twice, as it may with redis-py's own
retries; the functions tolerate that.
"""

import socket
import ssl
import struct
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hiredis import Reader, pack_command
from redis import ConnectionPool
from redis import exceptions as redis_errors
from redis.connection import DefaultParser

_CHUNK = 65536
_IDLE_SECONDS = 30.0  # the network may have dropped a connection unused for longer
_NOT_YET = object()


class ConnectionStack:
    """Connections to the server of `pool`, as many as threads use at once."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        # Appending to and popping from a deque needs no lock.
        self._open: deque[_Connection] = deque()
        self._closed: deque[_Connection] = deque()
        self.lost = 0  # times that the server may have been another one, or restarted, since

    def execute(self, *words: Any) -> Any:
        """Send one command and return its reply; raises redis-py's exceptions."""
        [reply] = self.execute_all([words])
        if isinstance(reply, redis_errors.RedisError):
            raise reply
        return reply

    def execute_all(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Send commands in one round trip and return their replies, the server's errors among them.

        Raises redis-py's exceptions where the connection fails; then some may have run.
        """
        packed = b"".join([pack_command(words) for words in commands])
        with suppress(IndexError):
            connection = self._open.pop()
            try:
                return self._execute_over(connection, packed, len(commands))
            except redis_errors.ConnectionError:
                self.disconnect_idle()
        return self._execute_over(self._closed_connection(), packed, len(commands))

    def disconnect_idle(self) -> None:
        """Close every connection that no thread is using; the next command opens them again."""
        self.lost += 1
        with suppress(IndexError):
            while True:
                connection = self._open.pop()
                connection.close()
                self._closed.append(connection)

    def _closed_connection(self) -> "_Connection":
        try:
            return self._closed.pop()
        except IndexError:
            return _Connection(self._pool)

    def _execute_over(self, connection: "_Connection", packed: bytes, replies: int) -> list[Any]:
        if connection.has_idled():
            connection.close()
            self.lost += 1
        try:
            received = connection.round_trip(packed, replies)
        except BaseException:
            connection.close()
            self._closed.append(connection)
            raise
        self._open.append(connection)
        return received


class _Connection:
    """One connection, used by one thread at a time."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._connection: Any = pool.make_connection()
        self._socket: socket.socket | None = None
        self._reader = Reader()
        self._used_at = 0.0  # monotonic seconds

    def round_trip(self, packed: bytes, replies: int) -> list[Any]:
        """Send commands and return their replies, which may be exceptions of the server's."""
        if self._socket is None:
            self._socket = self._opened()
        self._used_at = time.monotonic()
        try:
            self._socket.sendall(packed)
            return [self._next_reply(self._socket) for _ in range(replies)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise redis_errors.TimeoutError("no reply in time") from error
        except OSError as error:
            raise redis_errors.ConnectionError(str(error)) from error

    def _next_reply(self, opened: socket.socket) -> Any:
        reply = self._reader.gets()
        while reply is _NOT_YET:
            received = opened.recv(_CHUNK)
            if not received:
                raise redis_errors.ConnectionError("closed by the server")
            self._reader.feed(received)
            reply = self._reader.gets()
        return reply

    def has_idled(self) -> bool:
        """Say whether it is open and was last used too long ago to be relied on."""
        return self._socket is not None and time.monotonic() - self._used_at > _IDLE_SECONDS

    def close(self) -> None:
        """Close the connection; the next `round_trip` opens it."""
        self._socket = None
        self._connection.disconnect()

    def _opened(self) -> socket.socket:
        self._connection.connect()
        opened: socket.socket = self._connection._sock  # Note [Private attributes]
        seconds = self._connection.socket_timeout
        if seconds:
            timeval = struct.pack("@ll", int(seconds), int(seconds % 1 * 1_000_000))
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
        opened.settimeout(None)
        encoder = self._connection.encoder
        self._reader = Reader(
            protocolError=redis_errors.InvalidResponse,
            replyError=DefaultParser.parse_error,
            encoding=encoder.encoding if encoder.decode_responses else None,
            notEnoughData=_NOT_YET,
        )
        return opened
