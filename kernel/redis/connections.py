"""Short calls to one server over kept connections.

Note [Lines]
A call of a function costs the server 20 to 60 us; redis-py's client adds more than that around it
(is the pooled connection still good, telemetry, retries), and asks the system four times, letting
go of the interpreter each time. Here a thread takes a connection, sends, receives and puts it back.
Opening is redis-py's: addresses, TLS, login, names of errors. Time-outs are the kernel's
(SO_RCVTIMEO), so that nobody has to poll first. That the server closed a connection is found out by
using it: then every kept one is closed, and the command is sent once more over a new connection. So
a command may run twice, as it may with redis-py's own retries; the functions stand that.
"""

import socket
import ssl
import struct
import time
from collections import deque
from contextlib import suppress
from typing import Any

from hiredis import Reader, pack_command
from redis import ConnectionPool
from redis import exceptions as redis_errors
from redis.connection import DefaultParser

_CHUNK = 65536
_IDLE_SECONDS = 30.0  # a connection unused for longer may have died without a word
_NOT_YET = object()


class Lines:
    """Kept connections to the server of `pool`, as many as there are threads asking at once."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        # Appending to and popping from a deque needs no lock.
        self._open: deque[_Line] = deque()
        self._closed: deque[_Line] = deque()

    def ask(self, *words: Any) -> Any:
        """Send one command and return its reply; raises redis-py's exceptions."""
        command = pack_command(words)
        with suppress(IndexError):
            line = self._open.pop()
            try:
                return self._talk(line, command)
            except redis_errors.ConnectionError:
                self.hang_up()
        return self._talk(self._closed_line(), command)

    def hang_up(self) -> None:
        """Close every connection that no thread is using; they are opened again when needed."""
        with suppress(IndexError):
            while True:
                line = self._open.pop()
                line.close()
                self._closed.append(line)

    def _closed_line(self) -> "_Line":
        try:
            return self._closed.pop()
        except IndexError:
            return _Line(self._pool)

    def _talk(self, line: "_Line", command: bytes) -> Any:
        try:
            reply = line.talk(command)
        except BaseException:
            line.close()
            self._closed.append(line)
            raise
        self._open.append(line)
        if isinstance(reply, redis_errors.RedisError):
            raise reply
        return reply


class _Line:
    """One connection, used by one thread at a time."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._connection: Any = pool.make_connection()
        self._socket: socket.socket | None = None
        self._reader = Reader()
        self._used_at = 0.0  # monotonic seconds

    def talk(self, command: bytes) -> Any:
        """Send a command and return the reply, which may be an exception of the server's."""
        now = time.monotonic()
        if self._socket is None or now - self._used_at > _IDLE_SECONDS:
            self.close()
            self._socket = self._opened()
        self._used_at = now
        try:
            self._socket.sendall(command)
            reply = self._reader.gets()
            while reply is _NOT_YET:
                received = self._socket.recv(_CHUNK)
                if not received:
                    raise redis_errors.ConnectionError("closed by the server")
                self._reader.feed(received)
                reply = self._reader.gets()
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise redis_errors.TimeoutError("no answer in time") from error
        except OSError as error:
            raise redis_errors.ConnectionError(str(error)) from error
        return reply

    def close(self) -> None:
        """Close the connection; the next `talk` opens it."""
        self._socket = None
        self._connection.disconnect()

    def _opened(self) -> socket.socket:
        self._connection.connect()
        opened: socket.socket = self._connection._sock
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
